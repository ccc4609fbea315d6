# Everything happens in an environment of the project's own, .venv; nothing is installed elsewhere.
# Paths are relative throughout, so the folder may lie under a path with spaces.

PYTHON ?= python3
JOBS ?= 2
ARGS ?=

PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help tour test lint format wheel bench docs notebooks oracles clean

help:
	@echo 'make tour      set up what is needed and show what symprice does'
	@echo 'make test      set up, then run all tests and doctests   (ARGS="-k price" passes options on)'
	@echo 'make lint      set up, then ruff and mypy;   make format lets ruff rewrite'
	@echo 'make wheel     build the wheel and the sdist, and try them in a clean environment'
	@echo 'make bench     set up, then run the benchmarks'
	@echo 'make docs      set up, then build the documentation into docs/_build/html'
	@echo 'make notebooks set up, then run the notebooks anew   (ARGS="01-first-formula" runs one)'
	@echo 'make oracles   add JAX, which some tests compare with and otherwise skip'
	@echo 'make clean     remove .venv and the caches'
	@echo
	@echo 'PYTHON=python3.12 picks an interpreter (3.11 or newer); JOBS=4 the number of test processes.'
	@echo 'By hand, in any environment:'
	@echo '  tour     pip install -e .            python -m symprice tour'
	@echo '  test     pip install -e ".[test]"    python -m pytest -n 2'
	@echo '  lint     pip install -e ".[test]"    ruff check . && ruff format --check . && mypy'
	@echo '  bench    pip install -e ".[test]"    symprice bench'
	@echo '  docs     pip install -e ".[docs]"    python -m sphinx -W docs docs/_build/html'
	@echo '  oracles  pip install -e ".[test,oracles]"'

tour: .venv/.has-symprice
	@$(PY) -m symprice tour $(ARGS)

test: .venv/.has-test
	@$(PY) -m pytest -n $(JOBS) $(ARGS)

lint: .venv/.has-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: .venv/.has-test
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

wheel: .venv/.has-test
	@$(PY) .ci/wheel

bench: .venv/.has-test
	@$(PY) -m symprice bench --output build/bench.json $(ARGS)

docs: .venv/.has-docs
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo 'Open docs/_build/html/index.html'

notebooks: .venv/.has-test
	@$(PY) notebooks/run.py $(ARGS)

oracles: .venv/.has-oracles

clean:
	rm -rf .venv build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written when its step has succeeded, so a second run goes straight on, and one that was
# interrupted starts its step again.

.venv/.has-symprice: .venv/.made pyproject.toml
	@echo 'Installing symprice and what it needs into .venv (once) ...'
	@$(PIP) -e .
	@touch $@

.venv/.has-test: .venv/.made pyproject.toml
	@echo 'Installing symprice with its test tools into .venv (once) ...'
	@$(PIP) -e '.[test]'
	@touch $@ .venv/.has-symprice

.venv/.has-docs: .venv/.made pyproject.toml
	@echo 'Installing symprice with what builds its documentation into .venv (once) ...'
	@$(PIP) -e '.[docs]'
	@touch $@ .venv/.has-symprice

.venv/.has-oracles: .venv/.made pyproject.toml
	@echo 'Installing symprice with its test tools and JAX into .venv (once) ...'
	@$(PIP) -e '.[test,oracles]'
	@touch $@ .venv/.has-test .venv/.has-symprice

# An environment whose interpreter is gone (Python was upgraded) or does not run is made anew.
ifneq ($(shell $(PY) -c 'print("runs")' 2>/dev/null),runs)
.PHONY: .venv/.made
endif

# Debian's python3 has venv but not ensurepip, which is a package of its own: a pip that is there
# already (22.3 or newer) can then fill the environment.
.venv/.made:
	@command -v '$(PYTHON)' >/dev/null || { \
	  echo 'There is no $(PYTHON) here: install Python 3.11 or newer, or name it: make PYTHON=...' >&2; \
	  exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "symprice needs Python 3.11 or newer; $(PYTHON) is $$('$(PYTHON)' -V 2>&1)." >&2; \
	  for newer in python3.14 python3.13 python3.12 python3.11; do \
	    if "$$newer" -V >/dev/null 2>&1; then \
	      echo "There is a $$newer here: make PYTHON=$$newer" >&2; break; fi; done; \
	  exit 1; }
	@rm -rf .venv
	@if '$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null; then \
	  '$(PYTHON)' -m venv .venv; \
	else \
	  '$(PYTHON)' -m venv --without-pip .venv && \
	  '$(PYTHON)' -m pip --python $(PY) install --quiet --disable-pip-version-check pip; \
	fi || { \
	  rm -rf .venv; \
	  echo 'Could not make the environment .venv with $(PYTHON) (its own words are above).' >&2; \
	  echo 'On Debian and Ubuntu it needs a package: sudo apt install python3-venv' >&2; \
	  exit 1; }
	@touch $@
