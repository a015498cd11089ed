# make demo   the main job, end to end, on this machine alone      make test   every test
# Needs Python 3.11.3 or newer; everything else is installed into .venv, at the versions of constraints.txt.
# With AIRFLOW=3.1.8 or 3.2.2, make test and make chaos use an environment of their own with that Airflow.

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
# Bytecode is kept, also where the machine's setting says no: without it, importing Airflow takes more than twice as long.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test chaos lint types docs linkcheck ui ui-check release-check constraints clean

help:
	@sed -n '1,3s/^# //p' Makefile

install: $(INSTALLED)

# The demo needs less than the tests do; both share the environment, and what the tests need serves the demo, too.
# Editable, so that tests and demo see the working tree; without the egg-info that setuptools leaves beside the sources, because
# Airflow would find our entry points in both and load the plugin twice.
$(INSTALLED) $(FOR_DEMO): setup.cfg pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11.3 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11, 3) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) uv || echo "no uv here: pip does it, slower"
	$(BIN)/uv pip install --python $(BIN)/python --build-constraints $(CONSTRAINTS) --constraint $(CONSTRAINTS) --editable '$(EXTRAS)' \
		|| $(BIN)/python -m pip install --constraint $(CONSTRAINTS) --editable '$(EXTRAS)'
	rm -rf airflow_dataflow_ext.egg-info
	@touch $@ $(FOR_DEMO)

# make demo KEEP=1 leaves Airflow and the emulator running until Ctrl-C.
demo: $(FOR_DEMO)
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

# In two processes: much of what a test does is to wait. An older Airflow warns of itself.
test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder $(if $(AIRFLOW),-W default) $(ARGS)

# Workers of a real Airflow are killed, of every operator; three minutes. make chaos ARGS='--launches 200 --seed 7' for a long form,
# --service wave and --operators all for others, --deployment celery for PostgreSQL, Celery and two of everything.
chaos: $(INSTALLED)
	$(BIN)/python -m bench.chaos $(or $(ARGS),$(if $(AIRFLOW),--launches 60,--quick))

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell . .ci .github

types: $(INSTALLED)
	$(BIN)/mypy

# Pages into docs/_build; a warning is an error. All of them anew: where Sphinx keeps pages, it drops their words of the search.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html docs docs/_build

# Whether the links to other sites lead somewhere; needs the internet.
linkcheck: $(INSTALLED)
	$(BIN)/python -m sphinx -q -b linkcheck docs build/linkcheck

# The pages in Airflow's UI, from TypeScript into the package; needs Node 20. What it builds is committed, so that nobody else needs Node.
ui: ui/node_modules/.package-lock.json
	cd ui && npm run --silent types && npm run --silent test && npm run --silent build

# As ui, and fails where what is committed is not what the sources make.
ui-check: ui
	git diff --exit-code --stat -- airflow_dataflow_ext/plugin/static

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	cd ui && npm ci --silent --no-fund --no-audit
	@touch $@

# What a release has to hold that no change has to: a dated section of the changelog, and what PyPI takes, which is left in dist.
# Before it .ci/run and .ci/deployments; of these, here, what is about the pages and the files of the package.
release-check: lint types docs
	$(BIN)/python -m pytest -q tests/test_packaging.py tests/test_installation.py tests/test_repository.py tests/test_links.py tests/test_site.py
	$(BIN)/python -m bench.release

# With svcs 26 dag.test() of an older Airflow finds its own API not ready.
constraints: .venv/installed
ifdef AIRFLOW
	cp constraints.txt $(CONSTRAINTS)
	printf '%s\n' 'apache-airflow==$(AIRFLOW)' 'svcs<26' | .venv/bin/uv pip compile pyproject.toml - --extra test --extra dev --extra bench --universal \
		--python-version 3.11.3 --quiet --no-annotate --custom-compile-command 'make constraints AIRFLOW=$(AIRFLOW)' --output-file $(CONSTRAINTS)
else
	.venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11.3 --upgrade --quiet --no-annotate \
		--custom-compile-command 'make constraints' --output-file constraints.txt
endif

clean:
	rm -rf .venv .venv-* ui/node_modules .airflow docs/_build docs/reference/generated build dist *.egg-info
