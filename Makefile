SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHONUNBUFFERED := 1

.PHONY: help setup demo test check nightly bench format proto lock clean distclean environment

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

setup: environment ## all that the other targets need: .venv, js/node_modules, the bundle, a browser, Redis
	@.ci/browser
	@.ci/redis

environment:
	@.ci/python
	@.venv/bin/python hatch_build.py

demo: environment ## JupyterLab on the first notebook; ARGS=--no-browser only prints the address
	@.venv/bin/webchat-nb demo $(ARGS)

test: setup ## everything: check, then the tests in a real server and in a real browser
	@.ci/parts test

check: environment ## format, lint, types, import directions, bundle size, vitest, unit, contract and law tests
	@.ci/parts check

nightly: setup ## the long forms
	@.ci/parts nightly

bench: setup ## the benchmarks: a table, and bench.json
	@.venv/bin/python -m tests.bench

format: environment ## let the formatters write
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format . && .ci/npm run format

proto: environment ## generate code from webchat_nb/contracts/v1/*.proto
	@.ci/proto

lock: ## write requirements-dev.lock anew; needs uv; UV_ARGS=--upgrade takes newer versions
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(UV_ARGS) pyproject.toml --output-file requirements-dev.lock

clean: ## remove what builds and tests left
	@rm -rf dist build bench.json test-results webchat_nb/static .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.venv/*' -not -path '*/node_modules/*' -prune -exec rm -rf {} +

distclean: clean ## and what `make setup` installed into this folder
	@rm -rf .venv .cache js/node_modules
