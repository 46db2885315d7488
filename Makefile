# Plain pip and plain make: `make test` on a fresh machine builds .venv and runs the tests.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
INSTALLED := .venv/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install chat demo test slow gpu layout lint format types wheel clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

# Reinstalled only when what is installed changes; code changes are seen at once, the install being editable.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY) $@

# What talking needs is a fourth of what the tests need.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

install: $(INSTALLED)  ## create .venv with the tested versions

test: $(INSTALLED)  ## the tests that need neither a GPU nor patience
	$(PYTEST) -m "not slow and not gpu"

slow: $(INSTALLED)  ## the tests that take minutes or gigabytes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,examine]'
	$(PYTEST) -m "slow and not gpu"

gpu: $(INSTALLED)  ## the tests that need a CUDA device
	$(PYTEST) -m gpu

layout: $(INSTALLED)  ## who may import whom, file names, file lengths
	$(PYTEST) -q tests/test_import_direction.py

lint: $(INSTALLED)  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(INSTALLED)  ## mypy
	$(BIN)/mypy

chat: $(READY)  ## talk with the model in the box
	@$(BIN)/sambay chat

demo: $(READY)  ## let it answer three questions
	@$(BIN)/sambay demo

wheel: $(INSTALLED)  ## build the wheel into dist/ and see that it is pure Python
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	ls dist/sambay-*-py3-none-any.whl

clean:  ## remove .venv, caches and build outputs
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
