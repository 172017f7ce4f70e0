# Everything a person starts by hand. `make help` lists it.
#
# Paths in targets stay relative, and nothing is assumed about the directory's own name:
# the checkout may lie under a path with spaces.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
# Which Python makes the environment: `make run PYTHON=/opt/python3.12/bin/python3`.
PYTHON ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

# --- The environment ---

# The first of the candidates that is a Python we support. A name may exist and still not run
# (shims of version managers), so each is tried.
FIND_PYTHON = \
	suitable='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	found=''; \
	if [ -n "$(PYTHON)" ]; then set -- "$(PYTHON)"; \
	else set -- python3 python3.13 python3.12 python3.11 python; fi; \
	for candidate in "$$@"; do \
		if command -v "$$candidate" >/dev/null 2>&1 && "$$candidate" -c "$$suitable" >/dev/null 2>&1; then \
			found=$$candidate; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "No suitable Python found (tried: $$*). The site needs Python 3.11, 3.12 or 3.13." >&2; \
		echo "Install one, or say where it is:  make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi

# An environment whose Python no longer runs (removed, upgraded, copied from elsewhere) is made anew.
MAKE_VENV = \
	if ! $(VENV_PYTHON) -c 'import pip' >/dev/null 2>&1; then \
		$(FIND_PYTHON); \
		echo "Making the virtual environment with $$("$$found" --version) ..."; \
		if ! "$$found" -m venv --clear $(VENV); then \
			echo "That Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; \
		fi; \
	fi

# $(1): the lock file. What was installed is remembered as a copy of it: no change, nothing to do.
INSTALL_LOCK = \
	if ! cmp -s $(1) $(VENV)/installed-$(1); then \
		echo "Installing the packages of $(1) ..."; \
		$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) || { \
			echo "The packages could not be installed; what pip says stands above." >&2; exit 1; }; \
		cp $(1) $(VENV)/installed-$(1); \
	fi

.PHONY: venv
venv: ## the virtual environment and the packages the site runs on
	@$(MAKE_VENV)
	@$(call INSTALL_LOCK,requirements.txt)

.PHONY: venv-dev
venv-dev: venv ## the same, with what tests, checks and benchmarks need on top
	@$(call INSTALL_LOCK,requirements-dev.txt)

# --- Running ---

.PHONY: run
run: venv ## set everything up and serve on ${HOST:-127.0.0.1}:${PORT:-8000}
	@exec $(VENV_PYTHON) manage.py serve

.PHONY: build
build: venv ## compile catalogues, collect and compress assets
	@$(VENV_PYTHON) manage.py build

# --- Packages ---

# One lock for all supported versions, made for the oldest of them. It keeps the extras: pips before 23.3
# do not see that `coverage==7` answers for `coverage[toml]` too, and refuse the lock once a newer one is out.
COMPILE_LOCK = $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-strip-extras \
	--python-version 3.11 --custom-compile-command 'make lock'

.PHONY: lock
lock: venv-dev ## write requirements*.txt anew from requirements*.in (UPGRADE=1 raises the versions)
	@$(COMPILE_LOCK) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	@$(COMPILE_LOCK) $(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements-dev.txt

# --- Tests and checks ---

# What reads the settings while checking gets a directory of its own, never the site's.
CHECKING = VAR_DIR=$(VENV)/checks SECRET_KEY='only for checks, and known to everybody' PYTHONPATH=.:apps
PYTEST = $(VENV_PYTHON) -m pytest -n $(N) --dist loadgroup
COVERAGE = --cov --cov-report= --cov-fail-under=0
# How many tests run side by side; N=0 shows a single test's output as it comes.
N ?= 2
# The apps whose models and queries are tested a second time, on PostgreSQL.
ON_POSTGRES = tests/core tests/users tests/content tests/cacheadmin --ignore tests/cacheadmin/foreign

.PHONY: test
test: check suite ## everything: style, types, import directions, templates, the whole suite, coverage

.PHONY: test-all
test-all: ## the same with every combination of engine, language and database
	@$(MAKE) --no-print-directory test EVERYTHING=--everything

.PHONY: check
check: lint types imports templates ## style, types, import directions and templates only

.PHONY: lint
lint: venv-dev ## ruff: rules and format
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .

.PHONY: format
format: venv-dev ## let ruff mend what it can
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

.PHONY: types
types: venv-dev ## mypy, strict
	@$(CHECKING) $(VENV_PYTHON) -m mypy

.PHONY: imports
imports: venv-dev ## which way imports look
	@$(CHECKING) $(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command as main; main()'

.PHONY: templates
templates: venv-dev ## djlint
	@$(VENV_PYTHON) -m djlint --lint --quiet templates apps

.PHONY: programs
programs: venv-dev ## find or install Redis, PostgreSQL, Chromium and gettext
	@$(VENV_PYTHON) -m tests.servers check

.PHONY: suite
suite: venv-dev programs ## the tests without the checks, and the gate of their coverage
	@rm -f .coverage .coverage.*
	@failed=0; \
	echo "--- The suite, on SQLite ---"; \
	$(PYTEST) --durations 10 $(COVERAGE) $(EVERYTHING) || failed=1; \
	echo "--- Models, queries and cache, on PostgreSQL ---"; \
	$(VENV_PYTHON) -m tests.servers postgres -- \
		$(PYTEST) $(COVERAGE) --cov-append $(EVERYTHING) $(ON_POSTGRES) || failed=1; \
	$(MAKE) --no-print-directory coverage || failed=1; \
	exit $$failed

.PHONY: test-postgres
test-postgres: venv-dev programs ## the model and query tests on a real PostgreSQL
	@$(VENV_PYTHON) -m tests.servers postgres -- $(PYTEST) $(EVERYTHING) $(ON_POSTGRES)

.PHONY: coverage
coverage: venv-dev ## what the last `make suite` covered; fails below the gate of pyproject.toml
	@$(VENV_PYTHON) -m coverage report
	@$(VENV_PYTHON) -m coverage html --quiet

.PHONY: matrix
matrix: venv-dev programs ## the suite on each of Python 3.11 to 3.13 that is installed
	@$(VENV_PYTHON) -m tests.matrix -n $(N)

# Seconds of each scene.
SECONDS ?= 60

.PHONY: torture
torture: venv-dev programs build ## every engine, then the site, killed, filled, removed and lost while it is checked (SECONDS=60 a scene)
	@failed=0; \
	PYTHONPATH=.:apps $(VENV_PYTHON) -m tests.torture --seconds $(SECONDS) || failed=1; \
	$(VENV_PYTHON) -m tests.torture.http --seconds $(SECONDS) || failed=1; \
	exit $$failed

.PHONY: screenshots
screenshots: venv-dev programs build ## take the pictures of the cache page in docs/images anew
	@PYTHONPATH=.:apps $(VENV_PYTHON) -m tests.screenshots

# --- Benchmarks ---

# QUICK=1 takes a minute instead of ten; ONLY=file measures one family of peers; STRICT=1 fails on a missed target.
.PHONY: bench
bench: bench-operations bench-pages ## measure the cache beside its peers (QUICK=1: in minutes); tables and JSON

.PHONY: bench-operations
bench-operations: venv-dev
	@$(VENV_PYTHON) -m benchmarks.operations $(if $(QUICK),--quick) $(foreach one,$(ONLY),--only $(one)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(STRICT),--strict)

.PHONY: bench-pages
bench-pages: venv-dev build ## measure whole pages beside plain Django, cache_page and nginx, on two servers
	@$(VENV_PYTHON) -m benchmarks.pages $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(STRICT),--strict)

.PHONY: bench-cache-page
bench-cache-page: venv-dev build ## measure the cache page with up to a million keys in Redis (STRICT=1 fails over 150 ms)
	@PYTHONPATH=.:apps $(VENV_PYTHON) -m benchmarks.cache_page $(if $(STRICT),--strict)

.PHONY: bench-database
bench-database: venv-dev programs ## measure lists, sitemap and search with 200,000 articles on SQLite and PostgreSQL
	@PYTHONPATH=.:apps $(VENV_PYTHON) -m benchmarks.database $(if $(STRICT),--strict)

.PHONY: bench-servers
bench-servers: venv-dev build ## measure the servers against each other; prints the table of docs/server.md
	@$(VENV_PYTHON) -m benchmarks.servers
