# Two commands do all the set-up: `make demo` and `make test`. Both build their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# On one core pytest-xdist only costs; on more, each worker computes with one thread.
WORKERS ?= auto

.PHONY: demo test lint coverage docs bench translations screenshots clean

demo: $(VENV)/installed
	$(BIN)/esegeta run configs/demo.json --output runs/demo --resume

test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --write-coverage tests/plugins/test_contracts.py \
		tests/plugins/test_adapters.py

docs: $(VENV)/installed
	$(BIN)/python -m docs.build

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

# New texts of the wizard come as unfinished: translate them in the .ts file, then run it once more.
GERMAN := gui/translations/esegeta_de
translations: $(VENV)/installed
	$(BIN)/pyside6-lupdate -locations none -no-obsolete $$(find gui -name '*.py' | sort) -ts $(GERMAN).ts
	$(BIN)/pyside6-lrelease $(GERMAN).ts -qm $(GERMAN).qm

screenshots: $(VENV)/installed
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/gui/test_screenshots.py

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
