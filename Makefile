# `make run` and `make test` are all one needs; the README says what they do.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
UV_VERSION := 0.13.9
BIN := .venv/bin
APPS := ntm communes criteria inspections reports
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)

DEMONSTRATION := NTM_ENV=demonstration NTM_TODAY=2024-06-30 PORT=$(PORT)
# Settings good enough to check and lint with; nothing is served and no database opened.
PRODUCTION := NTM_ENV=production ALLOWED_HOSTS=ntm.example \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')

.PHONY: help
help:
	@echo "make run    install, load the demonstration and serve it on http://127.0.0.1:$(PORT)/ (PORT=... to change)"
	@echo "make test   install what the tests need and run them on SQLite and on PostgreSQL"
	@echo "make lint   formatting, linting, types, missing migrations, deployment checks"
	@echo "make pictures  take the pictures of the user guide and the README anew"
	@echo "make bench  measure the goals of speed and memory"
	@echo "make fmt    format Python and fix what can be fixed"
	@echo "make lock   compile the requirements anew from pyproject.toml"
	@echo "make clean  remove the virtual environment and caches (var/, the data, stays)"

# --- Environment -------------------------------------------------------------------------

# An installation is repeated only when its list of requirements changed. uv installs in
# seconds; where it can't be had, pip does the same work.
define install
@if [ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); then \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement $(1); \
else \
	echo "uv can't be installed here; going on with pip."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(1); \
fi
@touch $@
endef

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." \
			"Name another one with: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get install --yes --quiet python3-venv || { apt-get update && apt-get install --yes --quiet python3-venv; }; \
		else \
			echo "Python's venv module is missing: sudo apt-get install python3-venv" >&2; exit 1; \
		fi; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/pip
	@echo "Installing the requirements into .venv ..."
	$(call install,requirements.txt)

.venv/installed-dev: requirements-dev.txt | .venv/bin/pip
	@echo "Installing the requirements of tests and tools into .venv ..."
	$(call install,requirements-dev.txt)

.PHONY: lock
lock: | .venv/installed-dev
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		pyproject.toml --output-file requirements.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt

# Libraries of the system that PDF documents are drawn with. Nothing else needs them: without them the
# product runs and offers Word.
PDF_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
HAS_PDF := $(BIN)/python -c 'import weasyprint' >/dev/null 2>&1

.PHONY: pdf-libraries
pdf-libraries: .venv/installed
	@if $(HAS_PDF); then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install --yes --quiet $(PDF_PACKAGES) || { apt-get update && apt-get install --yes --quiet $(PDF_PACKAGES); }; }; \
	then exit 0; fi; \
	echo "Minutes as PDF need libraries of the system; going on with Word only. To have both:"; \
	echo "    sudo apt-get install $(PDF_PACKAGES)"

# --- Run ---------------------------------------------------------------------------------

# The worker checks and writes long tables beside the server; both end together. Ctrl-C reaches the worker
# by itself, which takes a second signal for impatience.

.PHONY: run
run: .venv/installed pdf-libraries
	@mkdir -p var/static
	@$(DEMONSTRATION) $(BIN)/python manage.py migrate --verbosity 0
	@$(DEMONSTRATION) $(BIN)/python manage.py createcachetable --verbosity 0
	@$(DEMONSTRATION) $(BIN)/python manage.py demo
	@trap 'kill $$server || true; wait; exit 130' INT; trap 'kill $$server $$worker || true; wait; exit 143' TERM; \
	env $(DEMONSTRATION) $(BIN)/python manage.py db_worker --no-reload --verbosity 0 & worker=$$!; \
	env $(DEMONSTRATION) $(BIN)/python manage.py runserver --noreload 127.0.0.1:$(PORT) & server=$$!; \
	wait $$server || ended=$$?; kill $$worker; wait; exit $${ended:-0}

# --- Test --------------------------------------------------------------------------------

.PHONY: chromium
chromium:
	@if [ -n "$(CHROMIUM)" ] && [ -x "$(CHROMIUM)" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install --yes --quiet chromium || { apt-get update && apt-get install --yes --quiet chromium; }; }; \
	then exit 0; fi; \
	echo "The browser tests need Chromium: sudo apt-get install chromium" >&2; \
	echo "(or name an installed one: make test CHROMIUM=/path/to/chromium)" >&2; exit 1

.PHONY: libreoffice
libreoffice:
	@if command -v soffice >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install --yes --quiet libreoffice-calc || { apt-get update && apt-get install --yes --quiet libreoffice-calc; }; }; \
	then exit 0; fi; \
	echo "One test saves a workbook by LibreOffice: sudo apt-get install libreoffice-calc" >&2; exit 1

.PHONY: test
test: .venv/installed-dev chromium libreoffice pdf-libraries
	$(BIN)/python -m pytest -n 2 --dist worksteal --db=sqlite
	$(BIN)/python -m pytest -n 2 --dist worksteal --db=postgres

.PHONY: pictures
pictures: .venv/installed-dev chromium
	$(BIN)/python -m docs.take_pictures

.PHONY: bench
bench: .venv/installed-dev
	$(BIN)/python -m tests.bench

# --- Lint --------------------------------------------------------------------------------

.PHONY: lint
lint: .venv/installed-dev
	@mkdir -p var/static
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djlint templates --lint --quiet
	NTM_ENV=test $(BIN)/mypy $(APPS)
	NTM_ENV=test $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: fmt
fmt: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: clean
clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find $(APPS) tests -name __pycache__ -type d -prune -exec rm -rf {} +
