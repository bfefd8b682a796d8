# `make demo` and `make test` set up all that they need.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help install demo test test-quick test-system lint format results claims bench
help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable '.[test,notebook]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-bench  ## Time the engine beside its peers, and whole sweeps; write it into docs/ and the README
	$(BIN)/python benchmarks/throughput.py --batch 10 > docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 32 >> docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 128 >> docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 128 --hidden 512 --networks 4 >> docs/throughput.txt
	$(BIN)/python benchmarks/sweep.py > docs/sweeps.txt
	$(BIN)/python benchmarks/scaling.py >> docs/sweeps.txt
	$(BIN)/python benchmarks/tracking.py >> docs/sweeps.txt
	$(BIN)/python docs/include.py
	cat docs/throughput.txt docs/sweeps.txt
