# Needs Python 3.11.3 or newer; everything else is installed into .venv, at the versions of constraints.txt.
# With AIRFLOW=3.1.8 or 3.2.2, make test and make chaos use a separate environment with that version of Airflow.

PYTHON ?= python3
AIRFLOW ?=
ENVIRONMENT := .venv$(if $(AIRFLOW),-$(AIRFLOW))
BIN := $(ENVIRONMENT)/bin
INSTALLED := $(ENVIRONMENT)/installed
COMMA := ,
CONSTRAINTS := constraints$(if $(AIRFLOW),-$(AIRFLOW)).txt
FOR_DEMO := $(ENVIRONMENT)/installed-for-demo
$(INSTALLED): EXTRAS := .[test,dev,bench$(if $(AIRFLOW),,$(COMMA)docs)]
$(FOR_DEMO): EXTRAS := .[demo]

export UV_SYSTEM_CERTS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
export PYTHONUNBUFFERED := 1
# Write bytecode even if this machine is set not to: without it, importing Airflow takes more than twice as long.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test chaos lint types docs linkcheck ui ui-check release-check constraints clean

help: ## list these targets
	@sed -n '1,2s/^# //p' Makefile
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s  %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## install what tests, linters, docs and benchmarks need

# The demo and the tests share one environment; the demo needs only a part of it.
# The installation is editable, so that tests and demo use the working tree. The egg-info that setuptools leaves beside the sources is
# removed, because Airflow would find the entry points twice and load the plugin twice.
$(INSTALLED) $(FOR_DEMO): setup.cfg pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11.3 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11, 3) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) uv || echo "uv cannot be installed: pip installs the packages, which takes longer"
	$(BIN)/uv pip install --python $(BIN)/python --build-constraints $(CONSTRAINTS) --constraint $(CONSTRAINTS) --editable '$(EXTRAS)' \
		|| $(BIN)/python -m pip install --constraint $(CONSTRAINTS) --editable '$(EXTRAS)'
	rm -rf airflow_dataflow_ext.egg-info
	@touch $@ $(FOR_DEMO)

demo: $(FOR_DEMO) ## run two example DAGs on a real Airflow and the emulator; with KEEP=1, stay up for a browser until Ctrl-C
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

# Uses two processes, because tests spend much time waiting. An older Airflow raises its own warnings, so they are not errors there.
test: $(INSTALLED) ## run every test; ARGS="-k flex -x" selects some
	$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder $(if $(AIRFLOW),-W default) $(ARGS)

# Kills workers of a real Airflow while operators run; takes three minutes. ARGS='--launches 200 --seed 7' runs longer, --service wave and
# --operators all run other operators, and --deployment celery uses PostgreSQL, Celery, and two of each component.
chaos: $(INSTALLED) ## kill workers of a real Airflow while operators run, and count the jobs
	$(BIN)/python -m bench.chaos $(or $(ARGS),$(if $(AIRFLOW),--launches 60,--quick))

lint: $(INSTALLED) ## check style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell . .ci .github

types: $(INSTALLED) ## check types
	$(BIN)/mypy

# A warning is an error. Builds all pages, because Sphinx drops unchanged ones from the search.
docs: $(INSTALLED) ## build the documentation into docs/_build
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html docs docs/_build

linkcheck: $(INSTALLED) ## check the documentation's links to other sites, over the internet
	$(BIN)/python -m sphinx -q -b linkcheck docs build/linkcheck

# The result is committed, so that only this needs Node.
ui: ui/node_modules/.package-lock.json ## build the pages in Airflow's UI; needs Node 20
	cd ui && npm run --silent types && npm run --silent test && npm run --silent build

ui-check: ui ## build these pages, and fail if the committed result differs
	git diff --exit-code --stat -- airflow_dataflow_ext/plugin/static

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	cd ui && npm ci --silent --no-fund --no-audit
	@touch $@

# Checks what only a release needs: a dated section of the changelog, and files that PyPI accepts, which are left in dist. Run .ci/run and
# .ci/deployments first; this repeats their checks of the pages and of the package's files.
release-check: lint types docs ## check what only a release needs, and leave its files in dist
	$(BIN)/python -m pytest -q tests/test_packaging.py tests/test_installation.py tests/test_repository.py tests/test_links.py tests/test_site.py
	$(BIN)/python -m bench.release

# Updates constraints.txt, or the constraints of an older Airflow. These exclude svcs 26, with which dag.test() reports its API as not ready.
constraints: .venv/installed ## update the versions that everything is tested with
ifdef AIRFLOW
	cp constraints.txt $(CONSTRAINTS)
	printf '%s\n' 'apache-airflow==$(AIRFLOW)' 'svcs<26' | .venv/bin/uv pip compile pyproject.toml - --extra test --extra dev --extra bench --universal \
		--python-version 3.11.3 --quiet --no-annotate --custom-compile-command 'make constraints AIRFLOW=$(AIRFLOW)' --output-file $(CONSTRAINTS)
else
	.venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11.3 --upgrade --quiet --no-annotate \
		--custom-compile-command 'make constraints' --output-file constraints.txt
endif

clean: ## remove everything that these targets have made
	rm -rf .venv .venv-* ui/node_modules .airflow docs/_build docs/reference/generated build dist *.egg-info
