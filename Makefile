# The verbs of this project. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check docs services format clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## audit the Python standard library with a real worker, no server needed
	$(BIN)/python examples/stdlib_audit/main.py

test: $(STAMP) services ## run the whole test suite against real Redis, RabbitMQ and SQL servers
	tools/run-tests $(BIN)/pytest

check: $(STAMP) ## format, lint, layers, types, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -q tests/unit tests/arch

docs: $(STAMP) ## write the pages that are made from the code
	$(BIN)/python docs/generate_settings.py

services: $(STAMP) # install the servers that the tests need, where that is possible
	@$(BIN)/python tests/support/services.py install

format: $(STAMP) # format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: # remove what the other verbs made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml
	@tools/make-venv $(PYTHON) $(VENV)
	@touch $(STAMP)
