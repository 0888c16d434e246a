# `make demo` and `make test` are the two commands that a newcomer needs; both set everything up first.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-slow mutation check run bench docs lock clean

setup: $(READY)

$(READY): requirements/dev.txt pyproject.toml emitters/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sessionwatch needs Python 3.11 or later: make PYTHON=/path/to/python3.11")'
	@echo "setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e emitters -e .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/sessionwatch demo

run: $(READY)
	$(BIN)/sessionwatch run

# By file, since the fixtures of a file are shared; `loadgroup` of xdist 3.8 does nothing under pytest 9.2.
test: $(READY)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

# Bounded: make mutation MUTATION="--changed --seconds 180"
mutation: $(READY)
	$(BIN)/python -m tests.mutation $(MUTATION)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m bench

docs: $(READY)
	$(BIN)/python -m schemas.documents
	$(BIN)/python -m sessionwatch.config.reference

lock:
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/python requirements/lock.py

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis data
