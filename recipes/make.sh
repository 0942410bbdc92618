#!/usr/bin/env bash
# Make the models again: recipes/make.sh particles|hrtem|graphene|papers. Stopped anywhere, the same
# command goes on. PYTHON and JOBS may be set.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-.venv/bin/python}
jobs=${JOBS:-2}
nanosieve=$(dirname "$python")/nanosieve

simulated() { # PRESET|FILE IMAGES SEED FOLDER
  "$nanosieve" simulate "$1" -n "$2" --seed "$3" --jobs "$jobs" -o "recipes/sets/$4"
}

training_sets() {
  case $1 in
    particles)
      simulated bf-supported 900 11001 particles/bf-supported
      simulated haadf-supported 800 11002 particles/haadf-supported
      simulated laadf 200 11003 particles/laadf
      simulated bf-stem 200 11004 particles/bf-stem
      simulated groom-catalyst 128 11005 particles/groom-catalyst
      ;;
    hrtem)
      simulated recipes/hrtem-training.toml 2880 12001 hrtem/first
      simulated recipes/hrtem-defocus.toml 504 12002 hrtem/defocus
      ;;
    graphene)
      simulated recipes/graphene-training.toml 320 13001 graphene/training
      ;;
    *)
      echo "recipes/make.sh particles|hrtem|graphene|papers" >&2
      exit 2
      ;;
  esac
}

test_sets() { # test sets whose scores go into the card
  case $1 in
    hrtem) "$python" -m recipes.test_sets --list hrtem/left-out hrtem/gold-doses hrtem/defocus ;;
    *) "$python" -m recipes.test_sets --list "$1/" ;;
  esac
}

model=${1:-}
if [ "$model" = papers ]; then # the papers' networks on what "particles" learns from
  training_sets particles
  "$python" -m recipes.papers particles
  exit
fi
training_sets "$model"
if [ "$model" = hrtem ]; then # in two steps
  first=recipes/sets/runs/hrtem-first sets=recipes/sets/hrtem
  "$nanosieve" train recipes/hrtem-first.toml -o "$first" --resume
  # The second learns from more of the same.
  [ -d "$sets/training" ] || cp -r "$sets/first" "$sets/training"
  simulated recipes/hrtem-training.toml 5040 12001 hrtem/training
  simulated recipes/hrtem-supports.toml 840 12003 hrtem/supports
  "$python" -m recipes.same_split "$first" "$sets"/{training,defocus,supports}
fi
run=recipes/sets/runs/$model
"$nanosieve" train "recipes/$model.toml" -o "$run" --resume

scores=()
while read -r name; do
  "$python" -m recipes.test_sets "$name" --jobs "$jobs"
  data=recipes/sets/test/$name
  found=$run/scores/$name
  [ -f "$found/report.html" ] ||
    "$nanosieve" evaluate --data "$data" --method "$run/model.onnx" --jobs "$jobs" -o "$found"
  scores+=("$data=$found")
done < <(test_sets "$model")
"$python" -m recipes.ship "$run" --trust --scores "${scores[@]}"
