# What people type and what CI runs. Each command sets up what it needs in
# $(VENV), once: a stamp file per set of extras remembers that it is there.

PYTHON ?= python3
VENV ?= .venv
KERAS_BACKEND ?= tensorflow
BACKENDS ?= tensorflow jax torch
# Passed on to pytest and to `keras-extras demo`.
PYTEST_ARGS ?=
DEMO_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := $(VENV)/.has-demo-$(KERAS_BACKEND)
TEST := $(VENV)/.has-test
LINT := $(VENV)/.has-lint
DOCS := $(VENV)/.has-docs

.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-matrix lint docs bench bench-quick clean

help:
	@echo "make demo       train two models on real digits; makes a report"
	@echo "                (KERAS_BACKEND=tensorflow, jax or torch)"
	@echo "make test       run all tests on each backend"
	@echo "make test-full  the same, with the long property tests"
	@echo "make test-matrix    the wheel alone, with lowest and newest versions"
	@echo "                (LANES='lowest/jax newest/torch' for some of them)"
	@echo "make lint       check format, style, types and import directions"
	@echo "make docs       build the documentation into site/"
	@echo "make bench      measure our layers against Keras's, on each backend"
	@echo "make bench-quick    in three minutes, one case a layer"
	@echo "make clean      delete everything that make has made"

demo: $(DEMO)
	KERAS_BACKEND=$(KERAS_BACKEND) $(BIN)/keras-extras demo $(DEMO_ARGS)

test: $(TEST)
	$(BIN)/python tools/test_backends.py $(BACKENDS) -- $(PYTEST_ARGS)

test-full: $(TEST)
	HYPOTHESIS_PROFILE=full \
	$(BIN)/python tools/test_backends.py $(BACKENDS) -- --full $(PYTEST_ARGS)

# The environments of the lanes are made and removed by the tool.
test-matrix:
	$(PYTHON) tools/test_matrix.py $(LANES)

lint: $(TEST) $(LINT)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest --quiet --noconftest tests/test_architecture.py
	$(BIN)/python tools/verify_types.py

docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(TEST)
	$(BIN)/python -m benchmarks $(BACKENDS)

bench-quick: $(TEST)
	$(BIN)/python -m benchmarks --quick $(BACKENDS)

clean:
	rm -rf $(VENV) build dist site demo-output
	rm -rf .hypothesis .pytest_cache .ruff_cache
	find keras_extras tests tools benchmarks -name __pycache__ -prune \
		-exec rm -rf {} +

# One rule for every stamp: EXTRAS is what it stands for. `--editable` means
# that code changes need no new installation; changed requirements do.
$(DEMO): EXTRAS := plot,pandas,$(KERAS_BACKEND)
$(TEST): EXTRAS := tensorflow,jax,torch,all,test
$(LINT): EXTRAS := lint
$(DOCS): EXTRAS := docs
$(DEMO) $(TEST) $(LINT) $(DOCS): pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) install --quiet -c constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"keras-extras needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
