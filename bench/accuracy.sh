#!/usr/bin/env bash
# The scores of docs/benchmarks.md. Development data: $NANOSIEVE_DATA or ../shared/data.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${NANOSIEVE_DATA:-../shared/data}
out=bench/out/accuracy
[ -d "$data" ] || { echo "real micrographs not found at $data; set NANOSIEVE_DATA" >&2; exit 1; }

mkdir -p "$out"
nanosieve evaluate --development --jobs 2 --data "$data/sinter800" --method otsu --method hybrid --edge otsu \
  -o "$out/sinter800"
nanosieve evaluate --development --jobs 2 --data "$data/emps_bf" --groups image --method otsu --method hybrid \
  -o "$out/emps_bf"
python -m bench.sizes | tee "$out/sizes.md"
python -m bench.empty | tee "$out/empty.md"
