# make demo   the main job on embedded parts; AIRFLOW=real does it on real Airflow 2 and 3 servers
# make test   everything: lint, types, layers, all tests, real servers included
# make soak   the laws for as long as one likes: STEPS=100000 DATABASE=postgresql SEED=7; the same command goes on where it was stopped
# make matrix   the story on real servers of every release that is promised, one at a time, within two hours; what passed is not run
#             again; ROWS='3.3.2*' for some; writes docs/compatibility.md
# make mutants   small faults in plan, directory and followup, which unit tests and laws have to notice; hours for all of them,
#             MUTANTS='syncd.plan.guard*' for some; tests/mutants.md says what it is and what survives
# make coverage   which branches of plan, mapping and directory the quick tests do not take; it fails below 99 of 100. Some five minutes
# make unit   the fast inner loop, with a quarter of the examples; TESTS=tests/unit/test_guard.py for some of it
PYTHON ?= python3
TESTS  ?= tests/unit tests/property tests/golden
VENV   ?= .venv
BIN     = $(VENV)/bin
AIRFLOW ?= stand-in

STEPS   ?= 2000
SEED    ?= 1
DATABASE ?= sqlite
ROWS    ?= *

.PHONY: demo test unit coverage matrix mutants soak lint bench lock golden clean

demo: $(VENV)/.run
	@$(BIN)/syncd demo --airflow $(AIRFLOW)

test: lint
	@$(BIN)/python -m pytest -n auto --dist loadgroup

unit: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto -m "not servers" --hypothesis-profile unit $(TESTS)

# The same examples of hypothesis each time, so that whether a branch is taken is no chance; read_sources reads, so its tests are components.
coverage: $(VENV)/.dev
	@nice $(BIN)/coverage run -m pytest -n 0 -m "not servers" --hypothesis-profile mutants \
	  tests/unit tests/property tests/golden tests/component/test_read_sources.py
	@$(BIN)/coverage report

matrix: $(VENV)/.dev
	@PYTHONPATH=tests:tests/integration $(BIN)/python -m matrix '$(ROWS)'

mutants: $(VENV)/.dev
	@nice -n 19 $(BIN)/mutmut run --max-children 1 $(if $(MUTANTS),'$(MUTANTS)')
	@$(BIN)/mutmut results

soak: $(VENV)/.dev
	@$(BIN)/python tests/laws/soak.py --steps $(STEPS) --seed $(SEED) --database $(DATABASE)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev
	@for f in benchmarks/*.py; do $(BIN)/python $$f || exit 1; done

golden: $(VENV)/.dev
	@SYNCD_GOLDEN=write $(BIN)/python -m pytest -m "not servers" tests/golden tests/component/test_tour.py tests/integration/test_levels.py
	@git diff --stat -- tests/golden docs

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade

lock: $(VENV)/.dev
	$(COMPILE) pyproject.toml --group build --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --group build -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml --group build --extra postgres -c requirements/dev.txt -o requirements/postgres.txt
	printf 'apache-airflow==2.9.0\napache-airflow-providers-fab==1.0.4\n' | $(COMPILE) --exclude-newer 2024-04-25 - -o requirements/airflow-2.9.0.txt
	printf 'apache-airflow==2.11.2\napache-airflow-providers-fab==1.5.4\n' | $(COMPILE) - -o requirements/airflow-2.11.2.txt
	printf 'apache-airflow==3.3.2\napache-airflow-providers-fab==3.10.2\n' | $(COMPILE) - -o requirements/airflow-3.3.2.txt

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements/run.txt pyproject.toml
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf $(VENV) .servers .matrix dist build *.egg-info
