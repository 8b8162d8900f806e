# Everything happens in .venv; each target sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
HOME_DIRECTORY := .podtune
FLOOR_PYTHON ?= $(firstword $(wildcard $(shell pyenv root 2>/dev/null)/versions/3.8.*/bin/python3.8) $(shell command -v python3.8))

# The first of these that works builds images; BASE=… replaces an image's base, BUILD_OPTIONS=… and PUSH_OPTIONS=… are the builder's own
BUILDER ?= $(shell for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && echo $$tool && break; done)
BASE ?=
BUILD_OPTIONS ?=
PUSH_OPTIONS ?=
DEVICES ?= cpu gpu ipu

# The numeric tests, which run once more for each kind of CPU that this one can pass for
NUMERIC := $(addprefix tests/components/,training/engines tasks detector)
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# The pins of a lock without their hashes
PINS := sed -n 's/^\([A-Za-z0-9][^ ]*==[^ ]*\).*/\1/p'

.PHONY: help demo quick test fuzz test-faults test-numeric test-cluster test-floor test-images bench-gpu check check-manifests environments lint wheel \
  images push lock \
  lock-images hashes audit docs clean

help:  ## print this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

demo: .venv/installed  ## train a tiny BERT on generated questions, release it and ask it a question
	$(BIN)/podtune run bert-tiny-squad --home $(HOME_DIRECTORY) --store $(HOME_DIRECTORY)/store
	$(BIN)/podtune download bert-tiny-squad --to $(HOME_DIRECTORY)/bert-tiny-squad --store $(HOME_DIRECTORY)/store
	$(BIN)/podtune predict $(HOME_DIRECTORY)/bert-tiny-squad --question "Who opened the door?" \
	  --context "The bell can be heard across the whole valley. It was Zoë Lindqvist who opened the door."

quick: lint  ## the inner loop: lint, and the tests that start no process; under two minutes
	$(PYTEST) -q -m "not local and not image"

test: .venv/installed  ## every test that this machine can run
	$(PYTEST) $(JUDGE_SKIPS)

# All readers of what strangers make; one, or with fewer inputs: make fuzz READER=zips FUZZ=10000 SEED=2
fuzz: .venv/installed  ## a million mutated inputs: none may end in a traceback, a crash or a hang; an hour or two
	PYTHONPATH=tests $(BIN)/python -m fuzz $(READER)

# Kills, races, lost answers, damage, failing disks: KINDS="'single faults'", FAULTS=0.1 for a tenth, POINT=… for one again
test-faults: .venv/installed  ## some 6,700 faults, an hour or two: what they leave is whole, and told rightly
	PYTHONPATH=tests $(BIN)/python -m faults $(KINDS)

# No network: models of random weights, data made up; the report goes to build/bench-gpu
bench-gpu: .venv/installed  ## on a machine with a GPU: its numbers, its tests and its speed, in eight minutes
	$(BIN)/python benchmarks/bench_gpu.py $(BENCH)

# torch's kernels for a CPU with AVX2 alone, and its portable ones; they round otherwise
test-numeric: .venv/installed  ## the numeric tests as on CPUs without AVX-512 and without AVX2
	own=$$($(BIN)/python -c 'import torch; print(torch.backends.cpu.get_cpu_capability().lower())'); \
	for kind in avx2 default; do \
	  if test $$kind = $$own; then echo "this CPU is of the kind $$kind: make test runs them for it"; \
	  else ATEN_CPU_CAPABILITY=$$kind $(PYTEST) -q -m "not local" $(NUMERIC) || exit 1; fi; \
	done

test-cluster: .venv/installed  ## end to end, on the KFP or Argo that PODTUNE_E2E_… name (tests/cluster)
	$(BIN)/pytest -rs --numprocesses 3 --dist loadfile tests/cluster

check: JUDGE_SKIPS := --judge-skips
check: environments lint audit test test-numeric $(if $(FLOOR_PYTHON),test-floor,no-floor) wheel  ## what CI runs

# All that check installs; side by side by make --jobs
environments: .venv/installed build/tools/installed build/manifest-tools/installed build/swift/installed $(if $(FLOOR_PYTHON),.venv-floor/installed)

.PHONY: no-floor
no-floor:
	@echo "no Python 3.8 here: what the IPU image runs is not tested on it; make test-floor FLOOR_PYTHON=…" >&2

lint: .venv/installed  ## formatting, lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel alone, in an environment of its own, has to list its recipes.
wheel: .venv/installed  ## build the wheel, install it alone and start it
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel .
	$(PYTHON) -m venv build/wheel/environment
	$(PINS) requirements.lock > build/wheel/constraints.txt
	build/wheel/environment/bin/pip install --quiet --constraint build/wheel/constraints.txt build/wheel/*.whl
	cd build/wheel && environment/bin/podtune recipes

# Named for PODTUNE_REGISTRY=registry/folder; some of them: DEVICES=cpu
images: $(addprefix image-,$(DEVICES))  ## build the three images, named for PODTUNE_REGISTRY

# For pipelines that name what was pushed, where its registry cannot be asked later: PODTUNE_IMAGES=build/digests.json
push: $(addprefix push-,$(DEVICES))  ## push them, and write their digests to build/digests.json
	$(BIN)/python -m podtune_pipelines.image_digests $(DEVICES) > build/digests.partial
	mv build/digests.partial build/digests.json

push-%: builder .venv/installed
	$(BUILDER) push $(PUSH_OPTIONS) $$($(BIN)/python -m podtune.image_names $*)

image-%: builder build/images
	$(BUILDER) build --file images/$*/Dockerfile $(if $(BASE),--build-arg BASE=$(BASE)) $(BUILD_OPTIONS) \
	  --tag $$($(BIN)/python -m podtune.image_names $*) .

# kubernetes-validate and checkov, whose packages do not go together with ours
check-manifests: build/manifest-tools/installed .venv/installed  ## render the manifests and check them
	$(BIN)/pytest tests/manifests

build/manifest-tools/installed: tests/manifests/requirements.lock
	@echo "installing $$(grep -c == $<) packages into build/manifest-tools, in silence: some 0.1 GB to fetch" >&2
	$(PYTHON) -m venv build/manifest-tools
	build/manifest-tools/bin/pip install --quiet --no-deps --requirement $<
	touch $@

# A third S3 server for the tests, which checks signatures and checksums
build/swift/installed: tests/servers/swift.lock
	$(PYTHON) -m venv build/swift
	build/swift/bin/pip install --quiet --no-deps --requirement $<
	touch $@

.PHONY: builder
builder:
	@test -n "$(BUILDER)" || { echo "images are built by docker, podman or buildah; none of them works here" >&2; exit 1; }

.PHONY: build/images
build/images: .venv/installed
	rm -rf $@ && $(BIN)/python -m build --wheel --outdir $@ .

# A recipe through KFP with every step in a container, on a base that is made here; as root, with podman
test-images: .venv/installed  ## build the CPU image and run recipes in containers, as root
	$(BIN)/pytest -m image tests/images

# What the IPU image runs, on its Python and its torch
test-floor: .venv-floor/installed  ## the tests of what the IPU image runs, on Python 3.8
	.venv-floor/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(JUDGE_SKIPS) \
	  $(addprefix tests/components/,formats stores tasks training samples steps/finetune steps/evaluate test_errors.py test_parsing.py test_sections.py \
	    jobs/test_worker.py)

.venv-floor/installed: images/ipu/requirements.lock tests/floor.lock
	@test -n "$(FLOOR_PYTHON)" || { echo "the IPU image has Python 3.8: make test-floor FLOOR_PYTHON=…" >&2; exit 1; }
	@echo "installing packages for Python 3.8 into .venv-floor, in silence: some 2.5 GB to fetch, torch 2.0.1 with CUDA" >&2
	$(FLOOR_PYTHON) -m venv .venv-floor
	.venv-floor/bin/pip install --quiet --no-deps --requirement images/ipu/requirements.lock --requirement tests/floor.lock
	.venv-floor/bin/pip install --quiet --no-deps --editable .
	touch $@

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "podtune is developed on Python 3.11: make PYTHON=…")'
	@echo "installing $$(grep -c == $<) packages into .venv, in silence: some 0.6 GB to fetch with torch's build for CPUs," >&2
	@echo "3.5 GB with the one for CUDA, which pip takes unless it is configured otherwise (README.md); minutes" >&2
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

# Resolve pyproject.toml anew and pin the result.
lock:  ## resolve pyproject.toml anew into requirements.lock
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet torch==2.13.0 '.[benchmarks,dev,signing]'
	build/lock/bin/pip freeze --all --exclude pip --exclude podtune | sed 's/+cpu$$//' > requirements.lock

# What the steps import, pinned as requirements.lock pins it; kfp without what it requires: its executor needs none of it
lock-images:  ## pin what the CPU image installs, as requirements.lock does
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	$(PINS) requirements.lock > build/lock/constraints.txt
	build/lock/bin/pip install --quiet --constraint build/lock/constraints.txt --requirement images/cpu/requirements.in
	(build/lock/bin/pip freeze; $(PINS) requirements.lock | grep ^kfp==) | sed 's/+cpu$$//' | sort -f > images/cpu/requirements.lock


# Not where torch has two builds: pip would prefer the index's, whose SHA-256 it knows beforehand
hashes: build/tools/installed  ## write the SHA-256 of every file that the index has into the locks of one torch or none
	build/tools/bin/python images/hashes.py 3.11.14 tests/manifests/requirements.lock tests/servers/swift.lock
	build/tools/bin/python images/hashes.py 3.8.18 images/ipu/requirements.lock tests/floor.lock

# pip-audit asks an advisory service for each pin, and says where it had no answer; the two others need no network
audit: .venv/installed build/tools/installed  ## look for known vulnerabilities, unsafe calls and keys in the repository
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive components pipelines
	$(BIN)/detect-secrets-hook --disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString \
	  --disable-plugin KeywordDetector --exclude-secrets '(?i)canary|^secret' $$(git ls-files -- ':!tests/golden' ':!*.lock')
	for lock in requirements.lock images/ipu/requirements.lock; do \
	  build/tools/bin/pip-audit --disable-pip --no-deps --progress-spinner off --format json --output build/tools/audit.json \
	    --requirement $$lock || { cat build/tools/audit.json; exit 1; }; \
	  $(BIN)/python -c "import json; found = json.load(open('build/tools/audit.json'))['dependencies']; \
	    print(sum('vulns' in one for one in found), 'of', len(found), 'pins of $$lock had an answer from the advisory service')"; \
	done

build/tools/installed:
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet 'uv>=0.9' 'pip-audit>=2.9'
	touch $@

docs: .venv/installed  ## write what docs/ has of the code: every setting of a recipe
	$(BIN)/python -m podtune_pipelines.recipe_settings > docs/settings.md

clean:  ## remove the environments, what was built and the demo's runs
	rm -rf .venv .venv-floor build $(HOME_DIRECTORY)
