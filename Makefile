# make demo: train, save, resume, export and link the first model, from nothing but Python and cc.
# make test: pass the tests, half of the slow suites compiled with -Og.    make lint: ruff and mypy.
# make test-full: all tests, all of them (FNC_TEST_FULL=1) compiled with the flags that users get.
# FNC_TEST_SEED=123 repeats random cases.    make clean: forget what was installed.
# make conformance: pass as many of Keras' own tests as tests/conformance/passing.json records;
# make conformance ARGS="--failures losses" runs one directory of them and shows what differs.
# make docs: build the documentation as a site, in build/site.
# make bench: measure against the peers, which get an environment of their own (3 GB; half an hour);
# make bench-quick: ours alone, two minutes. benchmarks/__init__.py says more.
#
# Everything is installed into .venv; a stamp there remembers what has been done, so a second run
# starts at once. PYTHON chooses the interpreter that .venv is made from.
PYTHON ?= python3
VENV := .venv
PEERS := .venv-bench
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILED := setup.py pyproject.toml $(wildcard csrc/py/*) csrc/include/fnc_abi.h

# Without bytecode each of the processes that tests start takes 0.3 s longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-full conformance lint docs bench bench-quick clean

demo: $(VENV)/installed
	$(BIN)/python examples/mnist_demo.py

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

test-full: $(VENV)/installed-test
	FNC_TEST_FULL=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

conformance: $(VENV)/installed-conformance
	$(BIN)/python -m tests.conformance $(ARGS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/mypy fncompile

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: $(PEERS)/installed
	$(PEERS)/bin/python -m benchmarks.run $(ARGS)

bench-quick: $(VENV)/installed
	$(BIN)/python -m benchmarks.quick

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info fncompile/runtime/_trampoline.* fncompile/runtime/installed

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "fncompile needs Python 3.10 or newer as '$(PYTHON)'; choose one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "'$(PYTHON)' lacks venv or ensurepip: install your system's python3-venv package"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created $(COMPILED)
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/created $(COMPILED)
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-conformance: $(VENV)/created $(COMPILED)
	$(PIP) --editable '.[test,conformance]'
	@touch $@ $(VENV)/installed $(VENV)/installed-test

$(VENV)/installed-docs: $(VENV)/created $(COMPILED)
	$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-lint: $(VENV)/created pyproject.toml
	$(PIP) ruff mypy numpy
	@touch $@

# torch goes first and alone: what asks for it later finds this build.
$(PEERS)/installed: $(COMPILED) benchmarks/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep ^torch benchmarks/requirements.txt)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt --editable .
	@touch $@
