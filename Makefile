# Nightbus: the verbs. `make help` lists them.
VENV    := .venv
PY      := $(VENV)/bin/python
UV      := $(VENV)/bin/uv
PYTHON ?= python3
SHELL   := /bin/bash

# Tests are shared out over one worker more than the machine has cores, since many wait for servers; each worker has a
# Postgres of its own.
SHARDS := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help

help: ## list the verbs
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## set up .venv with everything pinned in requirements.lock
	@echo "ready: $(VENV)/bin/nightbus --help"

# uv is used where it is on the machine, else installed into the environment; the environment is made without the
# distribution's pip where python3-venv is not installed.
$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "setting up $(VENV) (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=..."; exit 1; }
	@bash deploy/setup.sh $(VENV) $(PYTHON)
	@touch $@

COMPILE := $(UV) pip compile -q --generate-hashes --universal --no-emit-index-url --no-emit-find-links --no-annotate --no-header

lock: ## renew requirements.lock from pyproject.toml, and the libpq of the images (hashes, no addresses)
	$(COMPILE) --extra standalone --group dev pyproject.toml -o requirements.lock
	echo 'psycopg-binary>=3.3,<4' | $(COMPILE) --python-version 3.12 - -o deploy/docker/libpq.lock

demo: setup ## play a simulated night through the whole of Nightbus and show what it did
	@$(VENV)/bin/nightbus demo

s3: ## start a real S3 server (Ceph) for trying things out, and show the settings for it
	@bash deploy/s3/try.sh

images: ## build the container images nightbus and nightbus-all-in-one (needs Docker with BuildKit)
	@bash deploy/docker/build.sh

up: setup ## run everything here until Ctrl-C
	@$(VENV)/bin/nightbus up

check: setup ## lint, types, import walls
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/mypy

unit: setup ## tests without servers (under a minute)
	@$(VENV)/bin/pytest -q $(SHARDS) tests/unit tests/contract tests/hostile

test: setup ## all tests that need pip packages only (under 12 minutes)
	@$(VENV)/bin/pytest -q $(SHARDS)

test-system: setup ## tests that need Debian packages; installs them (root)
	@bash tests/system/install.sh
	@$(VENV)/bin/pytest -q tests/system

faults: setup ## kill services, NATS and Postgres under load and count (long)
	@$(VENV)/bin/pytest -q tests/faults --timeout=3600

bench: setup ## measure against the limits; writes the table to docs/benchmarks.md (long)
	@$(PY) -m tests.bench

fuzz: setup ## damage files at random and read them, draw new examples: SECONDS_OF_FUZZ=300 FUZZ_SEED=1
	@$(VENV)/bin/pytest -q tests/unit -m hypothesis --hypothesis-profile=exploring
	@$(PY) -m tests.hostile.fuzz --seconds $(or $(SECONDS_OF_FUZZ),300) --seed $(or $(FUZZ_SEED),1)

docs: setup ## generate docs/events.md, docs/views.md, docs/asyncapi.yaml, docs/commands.md, the dashboards and the settings example
	@$(PY) -m tests.contract.documents
	@$(PY) -m tests.contract.views

clean: ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help setup lock demo s3 images up check unit test test-system faults bench fuzz docs clean
