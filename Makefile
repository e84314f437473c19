# Every target makes what it needs in .venv first: Python 3.11 or newer and make are enough.
# `make PYTHON=python3.12 …` takes another interpreter; `make test ARGS="-k persons"` hands options on.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# pytest's exit code 5: the tier has no test (yet, or on this machine).
NONE_IS_FINE := || [ $$? -eq 5 ]
# The quick suite starts no server but the embedded one, and uses every core.
QUICK := -m "not slow and not servers and not nginx" --numprocesses=auto --dist=worksteal
SERVERS := -m "servers and not slow"
# What runs pytest: `make coverage` has it measured.
RUN := $(BIN)/python
# Without a redis-server nothing runs that talks to one.
GATE := $(if $(shell command -v redis-server),,--fail-under=99)
EXTRAS_FOR_TESTS := cli,dask,otel,parquet,prometheus,redis,speed,taskiq,zstd

.DEFAULT_GOAL := help
.PHONY: help demo test servers check lint format types imports properties slow docs coverage coverage-report mutants nginx \
	bench bench-quick picture release-check sbom clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo ## Start the embedded server and stream its 100,000 persons
	@$(BIN)/posthog-env demo

test: $(VENV)/.test ## Run the quick test suite
	@echo "The quick suite needs no server. The rest: make servers (redis-server, clusters), make nginx, make slow."
	$(RUN) -m pytest $(QUICK) $(ARGS)

servers: $(VENV)/.test ## Run the tests that start redis-server or a cluster
	$(RUN) -m pytest $(SERVERS) $(ARGS) $(NONE_IS_FINE)

check: lint types imports properties docs ## Run everything that is checked besides the quick suite

lint: $(VENV)/.dev ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.dev ## Fix style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.dev ## Check types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

imports: $(VENV)/.dev ## Check that imports point down only
	$(BIN)/lint-imports

properties: $(VENV)/.dev ## Run the property tests with many more cases
	POSTHOG_ENV_CHECK=1 $(BIN)/python -m pytest -o faulthandler_timeout=0 --numprocesses=auto --dist=worksteal tests/property $(ARGS) $(NONE_IS_FINE)

slow: $(VENV)/.dev ## Run the slow tests: kills, long runs, many workers
	$(BIN)/python -m pytest -m "(slow or servers) and not nginx" --ignore=tests/property $(ARGS) $(NONE_IS_FINE)

picture: $(VENV)/.test ## Record the command line at work for the README
	$(BIN)/python docs/picture.py

docs: $(VENV)/.dev ## Build the documentation into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -n -W --keep-going -q -b html docs docs/_build/html

coverage: $(VENV)/.dev ## Run both suites, and fail if a line or branch is not reached
	$(BIN)/coverage erase
	$(MAKE) test servers RUN="$(BIN)/coverage run"
	$(MAKE) coverage-report

coverage-report: $(VENV)/.dev ## Report what the suites reached, after `make coverage` or parts of it
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report $(GATE)

mutants: $(VENV)/.mutants ## Change the decisions one by one, and list the changes that no test notices
	$(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results

nginx: $(VENV)/.test ## Run the tests that put nginx in front of the embedded server
	$(BIN)/python -m pytest -m nginx $(ARGS) $(NONE_IS_FINE)

journeys: $(BIN)/python ## Walk three ways of a new user, each from pip install of the wheel, and time them
	$(BIN)/python tests/journeys/run.py

bench: $(VENV)/.bench ## Measure this package beside its peers; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/.bench ## Measure this package against floor and ceiling, in a minute
	$(BIN)/python -m benchmarks --quick $(ARGS)

release-check: $(VENV)/.release ## Build twice into dist/, compare the bytes and check what is inside
	$(BIN)/python .ci/release_check.py $(ARGS)

# Written for the wheel in dist/ with all extras, from an environment that holds nothing else.
sbom: $(VENV)/.release ## List the components of a release: build/sbom.cdx.json
	rm -rf build/sbom && mkdir -p build
	$(BIN)/python -m venv build/sbom
	build/sbom/bin/python -m pip --disable-pip-version-check --quiet install "$$(ls dist/*.whl)[all]"
	build/sbom/bin/python -m pip --quiet uninstall --yes pip setuptools
	$(PIP) install 'cyclonedx-bom>=7'
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
		--output-file build/sbom.cdx.json build/sbom

clean: ## Remove .venv, caches and results
	rm -rf $(VENV) build dist docs/_build htmlcov mutants .coverage .coverage.* \
		.mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The environment, in levels: each target installs no more than it needs, once, and again when
# pyproject.toml changes. A higher level holds the lower ones.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[cli]'
	@touch $@

# Dependency groups came with pip 25.1.
$(VENV)/.pip: | $(BIN)/python
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.pip
	$(PIP) install --editable '.[$(EXTRAS_FOR_TESTS)]' --group tests
	@touch $(VENV)/.demo $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.pip
	$(PIP) install --editable '.[all]' --group tests --group typing --group docs --group lint
	@touch $(VENV)/.demo $(VENV)/.test $@

$(VENV)/.mutants: pyproject.toml | $(VENV)/.pip
	$(PIP) install --editable '.[$(EXTRAS_FOR_TESTS)]' --group mutants
	@touch $(VENV)/.demo $@

$(VENV)/.release: pyproject.toml | $(VENV)/.pip
	$(PIP) install --editable '.[all]' --group release
	@touch $(VENV)/.demo $@

$(VENV)/.bench: pyproject.toml | $(VENV)/.pip
	$(PIP) install --editable '.[$(EXTRAS_FOR_TESTS)]' --group bench
	@touch $(VENV)/.demo $@
