# make run opens the room; make test is what CI runs.
# Each Python has its own environment: .venv for python3, .venv-3.13 for PYTHON=python3.13.
PYTHON ?= python3
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
BIN := $(VENV)/bin
ARGS ?=
PYTEST_ARGS ?= -n 5 --dist worksteal

.PHONY: run check test lint types arrows compiled pytest torture soak mutants schemas docs screenshots bench lock clean

# A checkout cannot hold the mode of a folder: closed here, the data directory needs no word about it.
run: $(VENV)/.run
	@chmod 700 shared_data 2>/dev/null || true
	@$(BIN)/cq-tui $(ARGS)

# What only reads the code runs side by side; the tests measure times and run alone.
test: $(VENV)/.dev
	@$(MAKE) --no-print-directory -j 2 lint types arrows compiled
	@$(MAKE) --no-print-directory pytest

# Within a minute: all checks of the code, and the tests of what changed, or a fast core when that has none.
# No test starts when 45 seconds have gone by.
check: $(VENV)/.dev
	@began=$$(date +%s); \
	$(MAKE) --no-print-directory -j 2 lint types arrows && \
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist load -m "not (stack or terminal or slow)" \
	  --budget=$$((began + 45 - $$(date +%s))) $$($(BIN)/python -m tests.changed) || test $$? -eq 5

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy --num-workers 2

arrows: $(VENV)/.dev
	$(BIN)/lint-imports

# Beside mypy, which takes one core: otherwise each worker of pytest compiles all tests anew in a fresh checkout.
compiled: $(VENV)/.dev
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -qq -n 0 >/dev/null || true

# Tests start hundreds of processes: what was compiled once is kept, whatever the environment says.
pytest: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest $(PYTEST_ARGS)

# The long forms of what make test does in short: a thousand kills, every failing call, every bit, power losses,
# ten times the examples of each property, a flatten in every state of death under every fault, and two million steps of
# the trader (WORLD_SEEDS=100000-102000 for other seeds).
torture: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= TMPDIR=$${TMPDIR:-/tmp} CQ_HEAVY_TESTS=1 $(BIN)/pytest $(PYTEST_ARGS) --timeout 0 tests/store tests/trading/world tests/services/memory_battery tests/stack/test_pauses.py tests/services/trader/test_random_kills.py tests/ops/drills tests/ops/flattening tests/contracts/test_corpus.py tests/ops/validate tests/ops/migrate tests/ops/backup tests/ops/market_data tests/releases tests/services/test_bad_files.py tests/services/feeder/test_fault_soak.py tests/stack/cases/test_restored_backup.py tests/cli/test_standard_streams.py tests/room/test_random_damage.py tests/room/test_view_only.py
	PYTHONDONTWRITEBYTECODE= TMPDIR=$${TMPDIR:-/tmp} CQ_HEAVY_TESTS=1 $(BIN)/pytest $(PYTEST_ARGS) --timeout 0 -m hypothesis

# Random hands, lost connections and kills around a real stack; SOAK_SEED repeats the hands of an earlier one.
soak: $(VENV)/.dev
	$(BIN)/python -m tests.soak $${SOAK_MINUTES:-30} $${SOAK_SEED:-}

# One mistake at a time in the trader: which ones do its tests not notice?
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants $${MUTANTS:-100} $${MUTANTS_SEED:-1}

schemas: $(VENV)/.dev
	$(BIN)/python -m cq_tui.contracts.json_schema cq_tui/schemas

docs: $(VENV)/.dev
	$(BIN)/python -m docs.generate docs/reference

screenshots: $(VENV)/.dev
	$(BIN)/python -m screenshots.make

bench: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m benchmarks $(ARGS)

# The lock files name versions, never an index, and users get the versions that are tested. uv is needed only here.
LOCK = uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate
lock:
	$(LOCK) --group pyproject.toml:build --group pyproject.toml:dev pyproject.toml -o requirements/dev.txt
	$(LOCK) --group pyproject.toml:build pyproject.toml -c requirements/dev.txt -o requirements/run.txt

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@test -f $(VENV)/.dev && test $(VENV)/.dev -nt requirements/run.txt || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .hypothesis .import_linter_cache
