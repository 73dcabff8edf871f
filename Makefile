# Everything runs in .venv, which is made from the locked requirements, and again whenever they change.
# Without make: python3 -m venv .venv, .venv/bin/pip install --require-hashes -r requirements.txt,
# .venv/bin/pip install --no-deps --no-build-isolation -e ., .venv/bin/precis up

.DEFAULT_GOAL := help
.PHONY: help up setup test check format bench soak lock

# The newest Python that is there, unless PYTHON says which.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:
	@echo "make up      run Precis at http://127.0.0.1:8000 (PORT, PRECIS_DATA: see .env.example)"
	@echo "make test    run the tests"
	@echo "make check   check format, lint, types and templates"
	@echo "make bench   measure, against the limits"
	@echo "make soak    kill processes a thousand times while people work, and prove that nothing was lost"

up: .venv/app
	@exec $(BIN)/precis up

setup: .venv/dev

test: .venv/dev
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/djlint --lint --quiet templates

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev
	@$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/dev
	@$(BIN)/python -m tests.faults.soak $(ARGS)

# The locked requirements hold for every platform, and name no place to fetch from.
lock: .venv/dev
	uv pip compile $(LOCK) --output-file requirements.txt pyproject.toml
	uv pip compile $(LOCK) --output-file requirements-dev.txt --constraint requirements.txt --extra dev pyproject.toml
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --no-config

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Precis needs Python 3.11 or newer with its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Making the environment .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv --clear .venv

.venv/app: requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing the locked requirements ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.txt .venv/app
	@echo "Installing what tests and checks need ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@
