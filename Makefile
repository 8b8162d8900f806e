# Everything happens in .venv; each target sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
HOME_DIRECTORY := .podtune

.PHONY: demo test check lint wheel lock clean

demo: .venv/installed
	$(BIN)/podtune run bert-tiny-squad --home $(HOME_DIRECTORY) --store $(HOME_DIRECTORY)/store
	$(BIN)/podtune download bert-tiny-squad --to $(HOME_DIRECTORY)/bert-tiny-squad --store $(HOME_DIRECTORY)/store
	$(BIN)/podtune predict $(HOME_DIRECTORY)/bert-tiny-squad --question "Who opened the door?" \
	  --context "The bell can be heard across the whole valley. It was Zoë Lindqvist who opened the door."

test: .venv/installed
	$(BIN)/pytest

check: lint test wheel

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel alone, in an environment of its own, has to list its recipes.
wheel: .venv/installed
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel .
	$(PYTHON) -m venv build/wheel/environment
	build/wheel/environment/bin/pip install --quiet --constraint requirements.lock build/wheel/*.whl
	cd build/wheel && environment/bin/podtune recipes

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "podtune is developed on Python 3.11: make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

# Resolve pyproject.toml anew and pin the result.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet torch==2.13.0 '.[benchmarks,dev]'
	build/lock/bin/pip freeze --exclude podtune | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf .venv build $(HOME_DIRECTORY)
