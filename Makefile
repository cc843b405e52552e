# Everything a fresh checkout needs is Python 3.11, make and the package index.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
WORKERS ?= 3
SEEDS ?= 100
YEARS ?= 0.1
KILLS ?= 1000
REQUESTS ?= 100000
SEED ?=
FIRST ?= 0
IN_ALL ?=
RECORD ?=

.PHONY: help setup run demo test check clients format docs bench universe fuzz crash lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Calbell needs Python 3.11 or newer; say which with: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.node: tests/clients/node/package-lock.json | $(BIN)/python
	@if command -v npm > /dev/null; then \
		npm ci --prefix tests/clients/node --no-fund --no-audit --loglevel=error && touch $@ \
			|| echo "The npm packages could not be installed: Expo's Node SDK is not tested" >&2; \
	else echo "Node is not installed: Expo's Node SDK is not tested"; fi

setup: .venv/.runtime  ## install into .venv; the program is then .venv/bin/calbell

run: .venv/.runtime  ## calbell serve
	$(BIN)/calbell serve

demo: .venv/.runtime  ## the whole way of a booking to a phone, on this machine alone
	$(BIN)/calbell demo

test: .venv/.dev .venv/.node  ## every test, PostgreSQL included
	$(BIN)/python -m pytest -n $(WORKERS)

clients: .venv/.node  ## with Node: the npm packages without which the tests of an app's TypeScript are skipped
	cd tests/clients/expo_app && npm ci

check: .venv/.dev  ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.dev  ## put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.dev  ## the documentation as a site, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --strict

universe: .venv/.dev  ## lives of the service in virtual time: make universe SEEDS=1000 YEARS=1, IN_ALL=1000 (years), or SEED=7 for one and its story
	$(BIN)/python -m tests.universe $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST) --workers $(WORKERS) \
		$(if $(IN_ALL),--in-all $(IN_ALL)) $(if $(RECORD),--record)) --years $(YEARS)

fuzz: .venv/.dev  ## requests beyond sense, to every route: make fuzz REQUESTS=1000000, or SEED=7 for one round of a thousand
	$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED),--number $(REQUESTS) --workers $(WORKERS) $(if $(RECORD),--record))

crash: .venv/.dev  ## kill -9 under load, so often on each engine, and the ledger of it: make crash KILLS=100 for a short one
	CALBELL_CRASH_KILLS=$(KILLS) CALBELL_CRASH_SEED=$(SEED) CALBELL_CRASH_RECORD=$(RECORD) $(BIN)/python -m pytest tests/crash/test_kill.py -s

bench: .venv/.dev  ## the benchmarks of bench/, as a table
	$(BIN)/python -m bench

lock: .venv/.dev  ## pin the dependencies anew, with hashes
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -q --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -q --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## remove what the targets above made
	rm -rf .venv tests/clients/*/node_modules build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
