# One word a chore. Each makes what it needs first; nothing is installed outside .venv.
ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
VENV := $(ROOT).venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
export MLFLOW_DISABLE_TELEMETRY := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types unit notebooks wheel bench figures clean

help: ## show this list
	@grep -E '^[A-Za-z0-9_-]+:.*## ' $(lastword $(MAKEFILE_LIST)) | sed -E 's/^([A-Za-z0-9_-]+):[^#]*## /\1\t/' | expand -t 12

setup: $(READY) ## make .venv and install everything into it

$(READY): $(ROOT)pyproject.toml $(ROOT)constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@echo "installing into .venv (a few minutes the first time)"
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@cd "$(ROOT)" && "$(BIN)/python" -m pip install --quiet torch==2.13.0 -e '.[dev]' -c constraints.txt
	@touch "$@"

demo: $(READY) ## fit, evaluate, predict and compare on four real data sets
	@cd "$(ROOT)" && "$(BIN)/python" notebooks/demo.py

test: lint types notebooks wheel unit ## every check; the tests come last, so that their count is the last line

lint: $(READY) ## style and formatting
	@cd "$(ROOT)" && "$(BIN)/ruff" check . && "$(BIN)/ruff" format --check .

format: $(READY) ## mend style and formatting
	@cd "$(ROOT)" && "$(BIN)/ruff" check --fix . && "$(BIN)/ruff" format .

types: $(READY) ## mypy --strict
	@cd "$(ROOT)" && "$(BIN)/mypy"

unit: $(READY) ## the tests, a process a core
	@cd "$(ROOT)" && "$(BIN)/python" -m pytest -n auto --dist loadfile

notebooks: $(READY) ## run the notebooks
	@cd "$(ROOT)" && "$(BIN)/python" notebooks/run.py

wheel: $(READY) ## build the wheel
	@cd "$(ROOT)" && "$(BIN)/python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

bench: $(READY) ## every benchmark; FOLDER=benchmark files, made-up data without it
	@cd "$(ROOT)" && for script in tests/benchmarks/bench_*.py; do echo "$$script"; "$(BIN)/python" "$$script" $(if $(FOLDER),$$(grep -q 'folder=True' "$$script" && echo "$(abspath $(FOLDER))")) || exit 1; done

figures: $(READY) ## measure what the documentation quotes; FOLDER=benchmark files measures accuracy, too
	@cd "$(ROOT)" && "$(BIN)/python" tests/benchmarks/figures.py $(if $(FOLDER),"$(abspath $(FOLDER))")

clean: ## remove what the chores made, .venv included
	@cd "$(ROOT)" && rm -rf .venv build dist .mypy_cache .ruff_cache *.egg-info .forecast
