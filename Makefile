# From a bare clone with Python >= 3.11 and make:  make demo
#
#   make PYTHON=python3.12 ...   another interpreter for a new environment
#   make CONSTRAINTS= ...        newest versions instead of the tested ones

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

.PHONY: help demo test test-all lint format bench bench-quick accuracy benchmarks docs clean
.DELETE_ON_ERROR:

help:
	@echo "make demo        segment drawn samples and name the report to open"
	@echo "make test        fast tests          make test-all   slow ones too"
	@echo "make lint        ruff, mypy, import contracts"
	@echo "make bench       speed and memory    make bench-quick   the same, smaller"
	@echo "make accuracy    scores on real data (NANOSIEVE_DATA, default ../shared/data) and simulated"
	@echo "make benchmarks  every table of docs/benchmarks.md: hours"
	@echo "make docs        reference pages from the code, and all pages in site/"

demo: $(VENV)/.core
	$(BIN)/nanosieve demo

test: $(VENV)/.with-test
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.with-test
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.with-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.with-check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.core
	$(BIN)/python -m bench

bench-quick: $(VENV)/.core
	$(BIN)/python -m bench --quick

accuracy: $(VENV)/.core
	$(BIN)/python -m bench.accuracy

benchmarks: $(VENV)/.with-train $(VENV)/.with-simulate $(VENV)/.with-faults
	PYTHON=$(BIN)/python recipes/make.sh papers
	$(MAKE) accuracy
	$(BIN)/python -m bench.fine_tuning
	$(BIN)/python -m bench.sizes
	$(BIN)/python -m bench.splitting
	$(BIN)/python -m bench.packing
	$(BIN)/nanosieve simulate recipes/hrtem-training.toml -n 288 --seed 12001 -o bench/out/sets/hrtem
	$(BIN)/python -m bench.bragg --foreground crystal --network hrtem \
	  --train bench/out/sets/hrtem --test recipes/sets/test/hrtem/left-out
	$(BIN)/nanosieve simulate recipes/graphene-training.toml -n 80 --seed 13001 \
	  -o bench/out/sets/graphene
	$(BIN)/python -m bench.bragg --foreground amorphous --network graphene \
	  --train bench/out/sets/graphene --test recipes/sets/test/graphene/sheets
	$(BIN)/python -m bench.atoms
	$(BIN)/python -m bench.faults
	$(BIN)/python -m bench

docs: $(VENV)/.with-docs
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"

clean:
	rm -rf $(VENV) site build dist

# Stamps: an environment is made once and completed when pyproject.toml or the constraints change.
$(VENV)/.core: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
	  echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.with-%: $(VENV)/.core
	$(PIP) --editable ".[$*]"
	touch $@
