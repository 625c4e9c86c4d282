# Each target sets up all it needs in .venv, from nothing but Python >= 3.10 and make:
#
#     make demo
#     make test PYTHON=/usr/local/bin/python3.12
#
# On Linux, PyPI's torch brings several GB of CUDA libraries. A machine without a GPU can do
# without: let PIP_EXTRA_INDEX_URL hold the address of PyTorch's index for the CPU (see
# "Get started" on pytorch.org) the first time; pip prefers the builds that it finds there.

.DEFAULT_GOAL = help

VENV = .venv
BIN = $(VENV)/bin

# The newest Python that torch and pyannote.audio are known to work with, and only then others.
# It has to run (version managers leave scripts behind that do not), and to make environments.
USABLE = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))
PYTHON = $(shell for python in python3.13 python3.12 python3.11 python3.10 python3 python; do \
	$$python -c '$(USABLE)' 2> /dev/null && command -v $$python && break; done)

# What an installation is made from: it is renewed when one of these changes.
SOURCES = pyproject.toml setup.py pyannote_ge2e_startup.pth

.NOTPARALLEL:  # one environment, one pip at a time
.PHONY: help install test lint bench demo clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/installed  ## Install the package in .venv

# In the order of their names, the doctests, each of them short, come last: no process waits long.
test: $(VENV)/installed-test  ## Run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/installed-lint  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-bench  ## Measure, and write bench/README.md
	$(BIN)/python -m bench $(ARGS)

demo: $(VENV)/installed  ## Train on synthetic voices, in minutes
	$(BIN)/pyannote-ge2e demo --force $(ARGS)

clean:  ## Remove .venv and caches; experiments stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "This needs Python 3.10 or newer with its venv module (on" \
		"Debian and Ubuntu: apt install python3-venv). Say where: make PYTHON=/path/to/python3."; \
		exit 1; } >&2
	@"$(PYTHON)" -c '$(USABLE)' 2> /dev/null || { echo "$(PYTHON) is not Python 3.10 or newer" \
		"with its venv module."; exit 1; } >&2
	"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/installed: $(SOURCES) | $(VENV)/bin/python
	@echo "Installing in $(VENV): the first time takes some minutes."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@
