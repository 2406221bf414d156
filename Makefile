# Accord: two commands. `make demo` shows the product, `make test` proves it. Needs Python 3.11 or newer and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

PORT ?= 8000
BIN := .venv/bin
PY := $(BIN)/python
# The static checks import settings.py; with these addresses it starts no embedded servers.
NOWHERE := DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing REDIS_URL=redis://127.0.0.1:1/0 \
	SECRET_KEY=only-for-checks-0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ ALLOWED_HOSTS=accord.example
APPS := config leads definitions scoring sla
TEMPLATES := $(wildcard templates)

.PHONY: help demo test drills setup setup-dev browser check bench fmt stop lock country-names locale-table check-format check-lint check-floors \
	check-templates check-syntax check-types check-migrations check-deploy check-repository

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: setup ## Accord with an example company at http://localhost:8000 (PORT=8001 for another port)
	@PORT=$(PORT) $(PY) -m config.demo

test: setup-dev browser ## The whole suite on a real PostgreSQL and a real Valkey (ARGS="-k routing" for a part)
	@$(BIN)/pytest -n 2 $(ARGS)

drills: setup-dev ## Faults from outside at full counts: storms, races, kills, crashes, full disks (ARGS="-k storm" for a part)
	@DRILLS=full $(BIN)/pytest -o faulthandler_timeout=7200 tests/drills $(ARGS)

setup: .venv/.demo ## .venv with the locked packages of the demo

setup-dev: .venv/.development

check: check-format check-lint check-floors check-repository check-templates check-syntax check-types check-migrations check-deploy ## Format, lint, floors, types, templates, migrations, deployment settings

check-format: setup-dev
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet . 2>/dev/null | grep '^+++'; false; }
check-lint: setup-dev
	@$(BIN)/ruff check --quiet --output-format=concise .
check-floors: setup-dev
	@$(BIN)/lint-imports --no-logo
check-repository: setup-dev
	@$(NOWHERE) $(BIN)/pytest -q tests/repository
check-templates: setup-dev
	@$(BIN)/djlint --lint --quiet $(TEMPLATES)
	@find $(TEMPLATES) -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2 --check
check-syntax: setup-dev
	@git ls-files -z '*.py' | xargs -0 $(BIN)/django-upgrade --target-version 5.2 --check
check-types: setup-dev
	@$(NOWHERE) $(BIN)/mypy
check-migrations: setup-dev
	@$(NOWHERE) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
check-deploy: setup-dev
	@$(NOWHERE) $(PY) manage.py check --deploy --fail-level WARNING

bench: setup ## The measurements of docs (SIZE=1m for one million leads)
	@$(PY) -m benchmarks $(SIZE)

fmt: setup-dev ## Rewrite code and templates in the house style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	find $(TEMPLATES) -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2 || true

stop: ## End the demo and the embedded servers
	@if [ -x $(PY) ]; then $(PY) -m config.demo stop; else echo "Nothing of Accord is running any more."; fi

locale-table: setup-dev ## leads/normalization/locale_table.json anew from babel: decimal marks, orders of dates, months, currencies
	@$(PY) scripts/locale_table.py

lock: setup-dev ## Pin the packages of production, demo and tests: versions and hashes only
	$(BIN)/uv pip compile pyproject.toml $(LOCKING) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra demo -c requirements.txt $(LOCKING) -o requirements-demo.txt
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev -c requirements-demo.txt $(LOCKING) -o requirements-dev.txt
LOCKING := --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --quiet

.venv/.demo: requirements-demo.txt scripts/install
	@sh scripts/install requirements-demo.txt
	@touch $@

.venv/.development: requirements-dev.txt scripts/install
	@sh scripts/install requirements-dev.txt
	@touch $@ .venv/.demo

country-names: setup-dev ## The table of country names, made anew from the Unicode CLDR
	@PYTHONPATH=. $(PY) scripts/country_names.py $$(date -u +%F)

browser: ## A Chromium for the tests of the pages
	@sh scripts/browser
