# Two commands do all their set-up from a clean clone: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGE := web/node_modules/.done
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test coverage test-all setup page lint types wheel clean

demo: setup  ## draw faces, train on them for three minutes, show what came of it
	$(BIN)/phiz demo

test: setup  ## lint, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@test ! -e $(PAGE) || { cd web && PATH="$(CURDIR)/$(BIN):$$PATH" && npm run --silent lint && npm run --silent types && npm test --silent; }
	@command -v chromium >/dev/null || .ci/system chromium || echo "chromium is missing: the tests of the page skip"
	$(BIN)/python -m pytest -n 2 --dist worksteal

coverage: setup  ## which lines the fast tests reach
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered

test-all: setup  ## the slow tests too
	$(BIN)/python -m pytest -m ""

setup: $(VENV)/.done page  ## a virtual environment with everything, pinned by constraints.txt

$(VENV)/.done: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "phiz needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/system python3-venv
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) torch
	$(INSTALL) --editable '.[dev]'
	@touch $@

page: $(PAGE)  ## what phiz publishes, built from web/

$(PAGE): $(VENV)/.done $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)
	.ci/page $(BIN)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

wheel: setup
	$(BIN)/python -m build

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache
