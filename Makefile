# The first target that needs it sets up .venv by itself, from requirements/dev.txt, with the package index
# that pip is configured for. Nothing else is needed than Python 3.11 or newer, make and bash.
#
#   make demo PYTHON=python3.12 VENV=.venv-3.12    another Python, beside the first

VENV ?= .venv
BIN := $(VENV)/bin
DEPENDENCIES := $(VENV)/.dependencies
STAMP := $(VENV)/.installed

# The Pythons that pyproject.toml names, newest first.
NAMED := $(shell sed -nE 's/.*"Programming Language :: Python :: (3\.[0-9]+)".*/python\1/p' pyproject.toml | sort -t. -k2,2nr)

version-of = $(shell '$(1)' -I -c 'import sys; print(sys.version)' 2>/dev/null)

# Looked for only when set-up runs. One that is named sets up anew where another was used before.
ifdef PYTHON
FOUND := $(shell bash scripts/find_python.sh '$(PYTHON)')
ifneq ($(call version-of,$(FOUND)),$(call version-of,$(BIN)/python))
OTHER_PYTHON := other-python
endif
else
FOUND = $(shell bash scripts/find_python.sh python3 $(NAMED) python)
endif

# As many processes as the machine has cores; one that is done takes tests from another.
PARALLEL := --numprocesses=auto --dist=worksteal
PYTEST := $(BIN)/python -m pytest $(PARALLEL)

# What judges: quick, and all in memory or small files.
CORE := tests/test_*.py $(addprefix tests/,asset trust manifest policy validation verification authority)

.PHONY: help setup demo test lint types unit test-fast portable newest-python newest format wheel wheel-check requirements clean
.PHONY: other-python

help:
	@echo 'make demo          judge the sample images'
	@echo 'make test          everything that must pass: lint, types, unit'
	@echo 'make lint          formatting, style and imports, changing nothing'
	@echo 'make types         mypy, strictly'
	@echo 'make unit          the tests, with branch coverage'
	@echo 'make test-fast     the tests of what judges, without coverage'
	@echo 'make newest-python all but the slow tests, on the newest Python here that is supported'
	@echo 'make newest        the tests, with the newest dependencies that are allowed; see CONTRIBUTING.md'
	@echo 'make format        format, and mend what can be mended safely'
	@echo 'make wheel         build the wheel into dist/, with pinned tools'
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
	@bash scripts/as_shipped.sh imports $(BIN)/lint-imports --no-logo --no-cache ../../pyproject.toml

types: $(STAMP)
	bash scripts/as_shipped.sh types $(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache \
		provenance tests scripts benchmarks

unit: $(STAMP)
	$(PYTEST) --cov

test-fast: $(STAMP)
	$(PYTEST) -m 'not slow' $(CORE)

# What may differ between releases of Python: no looks at files alone, no browser, no server of another project.
portable: $(STAMP)
	$(PYTEST) -m 'not slow' --ignore=tests/project

newest-python: $(STAMP)
	@used=$$($(BIN)/python -I -c 'import sys; print("%d, %d" % sys.version_info[:2])'); \
	newest=$$(bash scripts/find_python.sh $(NAMED)); \
	if test -n "$$newest" && "$$newest" -I -c "import sys; sys.exit(sys.version_info[:2] <= ($$used))"; then \
		echo "All but the slow tests again, on $$newest:"; \
		$(MAKE) --no-print-directory portable PYTHON="$$newest" VENV=.venv-newest; \
	else \
		echo "No newer Python here than the one in $(VENV) ($$used) among those that pyproject.toml names."; \
	fi

newest:
	@$(require-python)
	@bash scripts/install_newest.sh '$(FOUND)' build/newest
	build/newest/bin/python -m pytest $(PARALLEL)

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(STAMP)
	@rm -rf build/lib build/bdist.* dist
	@$(BIN)/python -P -m build --wheel --no-isolation --outdir dist .

wheel-check: $(STAMP)
	$(BIN)/python -m pytest tests/project/test_packaging.py

requirements: build/lock/.installed
	bash scripts/export_requirements.sh build/lock/bin/uv

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/browser/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyproject.toml changes more often than the requirements do, and installing the project is quick.
$(STAMP): $(DEPENDENCIES) pyproject.toml
	@$(BIN)/python -P -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEPENDENCIES): requirements/dev.txt $(OTHER_PYTHON)
	$(call make-venv,$(VENV),requirements/dev.txt)
	@touch $@

build/lock/.installed: requirements/lock.txt
	$(call make-venv,build/lock,requirements/lock.txt)
	@touch $@

# $(call make-venv,FOLDER,REQUIREMENTS)
define make-venv
@$(require-python)
@echo 'Setting up $(1) from $(2), once ...'
@'$(FOUND)' -m venv --clear '$(1)'
@bash scripts/install_pinned.sh '$(1)/bin/python' '$(2)'
endef

define require-python
test -n '$(FOUND)' || { \
	echo '$(or $(PYTHON),Python) is missing or older than Python 3.11: install one, or name it:' \
	'make PYTHON=/path/to/python3.12' >&2; exit 2; }
endef
