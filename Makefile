# `make demo` and `make test` set up what they need: Python 3.11 or newer is enough to start from.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test docs paper benchmark lint clean
.DEFAULT_GOAL := demo

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('isgan needs Python 3.11 or newer: make PYTHON=python3.11' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps sealwatch
	touch $@

demo: $(VENV)/ready
	$(BIN)/python examples/demo.py

test: $(VENV)/ready
	$(BIN)/python -m pytest

docs: $(VENV)/ready
	$(BIN)/zensical build --strict --clean

# The paper's tables and figures and their page, from the photographs in DATA/lfw, DATA/voc and DATA/imagenet; hours. It goes on where it was stopped.
DATA ?= data
RESULTS ?= results
SETS := $(DATA)/lfw $(DATA)/voc $(DATA)/imagenet

paper: $(VENV)/ready
	$(BIN)/isgan table 4 --data $(DATA)/lfw -o $(RESULTS)
	$(BIN)/isgan table 5 --data $(SETS) -o $(RESULTS)
	$(BIN)/isgan table 6 --data $(SETS) -o $(RESULTS)
	$(BIN)/isgan figures --data $(SETS) -o $(RESULTS)
	$(BIN)/isgan report $(RESULTS) -o $(RESULTS)/report.html --force

benchmark: $(VENV)/ready
	$(BIN)/python benchmarks/speed.py docs/results/speed.csv

lint: $(VENV)/ready
	$(BIN)/ruff check src tests examples benchmarks recipes
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo site
