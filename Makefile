PYTHON ?= python3
VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
LOCKS := requirements.txt requirements-tracing.txt requirements-dev.txt benchmarks/requirements.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Tests start the program dozens of times: it would be compiled anew for each of its processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-looks test-faults check check-locks check-schema migrate bench curve performance-report bench-live bench-claims bench-startup lock

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | tr @ '\t' | expand -t 22

run: $(VENV)/.run-installed ## start Stint and its database, on http://127.0.0.1:8000 unless PORT says otherwise
	@exec $(BIN)/python main.py

test: $(VENV)/.dev-installed ## run the tests (ARGS="-k timer" for some of them)
	@exec $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

test-looks: $(VENV)/.dev-installed ## look at every view of the page: both themes, wide and on a telephone
	@$(BIN)/python -m pytest -m "looks and not alone" --numprocesses auto --maxprocesses 4 --dist load $(ARGS)
	@exec $(BIN)/python -m pytest -m "looks and alone" $(ARGS)

test-faults: $(VENV)/.dev-installed ## run the tests that kill, cut and starve things
	@exec $(BIN)/python -m pytest -m faults --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev-installed ## check style, types, imports, Dockerfile, schema and locks
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@$(MAKE) --no-print-directory check-schema check-locks

check-schema: $(VENV)/.dev-installed
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	export DATA_DIR="$$scratch" DATABASE_URL= ENV_FILE=/dev/null && \
	$(BIN)/python -m flask --app main db upgrade && \
	$(BIN)/python -m flask --app main db check

check-locks: $(VENV)/.dev-installed
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	mkdir "$$scratch/benchmarks" && \
	for lock in $(LOCKS); do cp $$lock "$$scratch/$$lock"; done && \
	$(call compile_into,$$scratch) && \
	for lock in $(LOCKS); do \
		cmp -s $$lock "$$scratch/$$lock" || \
		{ echo "$$lock does not fit its .in file; run: make lock"; exit 1; }; \
	done && echo "The locks are up to date."

migrate: $(VENV)/.run-installed ## bring the schema of the database up to date
	@exec $(BIN)/python -m flask --app main db upgrade

bench: $(BENCH_VENV)/.bench-installed ## measure what is claimed about speed (takes 20 minutes)
	@exec $(BENCH_VENV)/bin/python -m benchmarks $(ARGS)

curve: $(BENCH_VENV)/.bench-installed ## measure how costs grow, for docs/performance.rst (takes 20 minutes)
	@exec $(BENCH_VENV)/bin/python -m benchmarks.curve $(ARGS)

performance-report: $(BENCH_VENV)/.bench-installed ## write its tables and plots anew, from what was measured
	@exec $(BENCH_VENV)/bin/python -m benchmarks.document

bench-live: $(BENCH_VENV)/.bench-installed ## measure what live rooms carry
	@exec $(BENCH_VENV)/bin/python -m benchmarks.live $(ARGS)

bench-claims: $(BENCH_VENV)/.bench-installed ## measure what a claim costs with ever more open tasks
	@exec $(BENCH_VENV)/bin/python -m benchmarks.claims $(ARGS)

bench-startup: $(BENCH_VENV)/.bench-installed ## measure how soon it answers, and its memory
	@exec $(BENCH_VENV)/bin/python -m benchmarks.startup $(ARGS)

lock: $(VENV)/.dev-installed ## write the locks anew (UPGRADE=--upgrade for newer versions)
	$(call compile_into,.)

# $(1) is the folder to write into; versions that a lock there pins already are kept.
compile_into = $(COMPILE) requirements.in --output-file "$(1)/requirements.txt" && \
	$(COMPILE) requirements-tracing.in --output-file "$(1)/requirements-tracing.txt" && \
	$(COMPILE) requirements-dev.in --output-file "$(1)/requirements-dev.txt" && \
	$(COMPILE) requirements.txt benchmarks/requirements.in \
		--output-file "$(1)/benchmarks/requirements.txt"
COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" $(UPGRADE)

define install
	@echo "Installing $<"
	@$(@D)/bin/python -m pip install --quiet --require-hashes --requirement $<
	@touch $@
endef

$(VENV)/.run-installed: requirements.txt | $(VENV)/bin/pip
	$(install)

$(VENV)/.dev-installed: requirements-dev.txt | $(VENV)/bin/pip
	$(install)

$(BENCH_VENV)/.bench-installed: benchmarks/requirements.txt | $(BENCH_VENV)/bin/pip
	$(install)

# pip comes last into a virtual environment: where it is, the environment is whole.
%/bin/pip:
	@command -v $(PYTHON) >/dev/null || { \
		echo "stint: $(PYTHON) is not there; install Python 3.11 or newer, or name one:" \
		"make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("stint: $(PYTHON) is Python " \
	"%d.%d and 3.11 or newer is needed; name one: make run PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $*
