# The first target that needs it sets up .venv by itself, from requirements/dev.txt, with the package index
# that pip is configured for. Nothing else is needed than Python 3.11 or newer, make and bash.
#
#   make demo PYTHON=python3.12 VENV=.venv-3.12    another Python, beside the first

VENV ?= .venv
BIN := $(VENV)/bin
DEPENDENCIES := $(VENV)/.dependencies
STAMP := $(VENV)/.installed

# The first of these that is new enough; looked for only when set-up runs.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo "$$python" && break; done)

.PHONY: help setup demo test lint types unit format wheel-check requirements clean

help:
	@echo 'make demo          judge the sample images'
	@echo 'make test          everything that must pass: lint, types, unit'
	@echo 'make lint          formatting and style, changing nothing'
	@echo 'make types         mypy, strictly'
	@echo 'make unit          the tests, with branch coverage'
	@echo 'make format        format, and mend what can be mended safely'
	@echo 'make wheel-check   build the wheel, install it elsewhere, run it'
	@echo 'make requirements  write requirements/*.txt from pyproject.toml (UPGRADE=1: newest versions)'
	@echo 'make clean         remove what was made, $(VENV) included'

setup: $(STAMP)

demo: $(STAMP)
	@bash scripts/demo.sh $(BIN)/provenance

test: lint types unit

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(STAMP)
	bash scripts/typecheck.sh $(BIN)/mypy

unit: $(STAMP)
	$(BIN)/python -m pytest --cov

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel-check: $(STAMP)
	$(BIN)/python -m pytest tests/test_packaging.py

requirements: build/lock/.installed
	bash scripts/export_requirements.sh build/lock/bin/uv

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/browser/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyproject.toml changes more often than the requirements do, and installing the project is quick.
$(STAMP): $(DEPENDENCIES) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEPENDENCIES): requirements/dev.txt
	$(call make-venv,$(VENV),requirements/dev.txt)
	@touch $@

build/lock/.installed: requirements/lock.txt
	$(call make-venv,build/lock,requirements/lock.txt)
	@touch $@

# $(call make-venv,FOLDER,REQUIREMENTS)
define make-venv
@$(if $(strip $(PYTHON)),,echo 'No Python 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 2)
@"$(strip $(PYTHON))" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo '$(strip $(PYTHON)) is missing or older than Python 3.11: set PYTHON to a newer one.' >&2; exit 2; }
@echo 'Setting up $(1) from $(2), once ...'
@"$(strip $(PYTHON))" -m venv --clear '$(1)'
@'$(1)/bin/python' -m pip install --quiet --disable-pip-version-check --require-hashes --requirement '$(2)'
endef
