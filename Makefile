# Everything that a developer does, from a fresh clone. It needs git, make, Python 3.11+ and Node 20+.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := local/requirements.lock

# Use the machine's own certificates, for networks with a certificate authority of their own.
export UV_SYSTEM_CERTS := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The CDK's bridge asks for a newer Node than Switchboard needs.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.DEFAULT_GOAL := help
.PHONY: help run test simulate fuzz audit bench verify setup browser pictures check contract format lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## start the whole stack on this machine and open http://127.0.0.1:8000
	@exec $(BIN)/python -m local

test: setup browser check ## install what is missing, then every check and test

setup: $(VENV)/installed local/node_modules/installed ## install the tools (a no-op when nothing changed)

browser: # the tests of the pages need one; it is installed if that needs no questions
	@command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "==> Chromium (once)" && \
		apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
		echo "No Chromium was found: the tests of the pages are skipped."

pictures: setup browser ## take the pictures in docs/images again
	@PICTURES=docs/images $(BIN)/python -m pytest -q tests/e2e/test_pictures.py

check: ## check format and lint, and run the tests, which check types; needs `make setup` before
	@echo "==> format"
	@$(BIN)/ruff format --check . || { echo "Run 'make format' and try again."; exit 1; }
	@echo "==> lint"
	@$(BIN)/ruff check . || { echo "Run 'make format': it corrects what it can."; exit 1; }
	@echo "==> types and tests"
	@$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder --max-worker-restart 0

simulate: setup ## every fault at every request in a simulated stack, or SEEDS=0:1000 for random histories
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

fuzz: setup ## attack every event and route with 20,000 inputs, or ARGS="--inputs 1000"
	@$(BIN)/python -m tests.simulation.fuzzing $(ARGS)

audit: setup ## look up all dependencies among known weaknesses, where a registry answers
	@$(BIN)/python -m local.audit

bench: setup ## measure what events cost and print the tables of docs/performance.md (minutes)
	@$(BIN)/python -m bench

verify: setup ## check a deployed stack with real clients: URL=https://… ARGS="--minutes 150" (docs/first-deploy.md)
	@test -n "$(URL)" || { echo "Which stack? make verify URL=https://…"; exit 1; }
	@$(BIN)/python -m bench.verify "$(URL)" $(if $(STAGE),--stage $(STAGE)) $(ARGS)

format: ## format the sources as `make check` expects them
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

contract: setup ## write docs/contract and the page at /docs from the declarations of the products
	@$(BIN)/python -m web.contract

lock: setup ## resolve both lock files again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--upgrade --group deploy --group local --group dev --custom-compile-command "make lock" \
		pyproject.toml --output-file $(LOCK)
	cd local && npm install --package-lock-only
	cd tests/contract/generators && npm install --package-lock-only

clean: ## remove everything that make can produce again
	rm -rf $(VENV) .local cdk.out local/node_modules tests/contract/generators/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The targets are stamp files. A step is skipped if its stamp is newer than its lock file.

$(VENV)/installed: $(LOCK)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: $(PYTHON) was not found (set PYTHON=...)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: $(PYTHON) is $$($(PYTHON) -V 2>&1) (set PYTHON=...)."; exit 1; }
	@echo "==> Python tools into $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment: install Python's venv module (Debian, Ubuntu: python3-venv)."; exit 1; }
	@awk '/^uv==/{on=1} on; on && !/\\$$/{exit}' $(LOCK) > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock && \
		$(BIN)/uv pip sync --require-hashes $(LOCK) || \
		{ echo "Could not install the Python tools: is the package index reachable from here?"; exit 1; }
	@touch $@

local/node_modules/installed: local/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed: not found."; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
		{ echo "Node.js 20 or newer is needed: this is $$(node --version)."; exit 1; }
	@echo "==> Node tools into local/node_modules (once, a few seconds)"
	@(cd local && npm ci --no-audit --no-fund --loglevel error) || \
		{ echo "Could not install the Node tools: is the npm registry reachable from here?"; exit 1; }
	@touch $@
