# Everything sets itself up first; `make help` lists what there is. Needs make, git and Python 3.11 or newer.
MAKEFLAGS += --no-print-directory
APP = @sh scripts/run app
DEV = @sh scripts/run dev

.PHONY: help demo up test lint format bench chaos fuzz deliveries clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## customers' deposits from the request to the balance, on real parts; ARGS="--exit --json"
	$(APP) .venv/bin/prepay demo $(ARGS)

up: ## PostgreSQL, Temporal with its UI, a bank and a worker, until Ctrl-C
	$(APP) .venv/bin/prepay up $(ARGS)

test: ## all tests; ARGS="tests/ledger -k hold"
	$(DEV) .venv/bin/python -m pytest -rs $(ARGS)

lint: ## style, types, directions of imports, dependencies, compose file, migrations
	$(DEV) sh scripts/lint

format: ## put the code into shape
	$(DEV) .venv/bin/ruff format .

bench: ## ours against what it is compared with; ARGS="NAME… --json"
	$(DEV) .venv/bin/prepay bench $(ARGS)

chaos: ## kill -9 at many moments of the demo, and ten minutes without the database
	$(DEV) .venv/bin/python -m pytest -m chaos -n 0 --timeout 1800 $(ARGS)

fuzz: ## a million mutated bank files for each reader; ARGS="--files 20000 --format mt940 --seed 7"
	$(DEV) .venv/bin/python -m tests.bankfiles.fuzz $(ARGS)

deliveries: ## the same money 10,000 times by eight senders, some killed; ARGS="--deliveries 2000 --seed 7"
	$(DEV) .venv/bin/python -m tests.activities.deliveries $(ARGS)

clean: ## remove what set-up made; the data folder stays
	rm -rf .venv .venv-unfinished .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
