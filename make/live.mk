# SPDX-License-Identifier: Apache-2.0
# Runs real clients under real instrumentations, alone and combined, and compares the cost of each trace with the bill.
# They need separate environments: each tests/live/requirements-GROUP.in has .venv-live-GROUP.

##@ Test clients and instrumentations together (slow)

LIVE_GROUPS := clients agents frameworks gateways platforms google
LIVE_READY := $(LIVE_GROUPS:%=.venv-live-%/installed)

.venv-live-%/installed: tests/live/requirements-%.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into .venv-live-$* ..."
	@test -x .venv-live-$*/bin/python || $(PYTHON) -m venv --without-pip .venv-live-$*
	@$(UV) pip install --python .venv-live-$*/bin/python --requirements tests/live/requirements-$*.txt
	@$(UV) pip install --python .venv-live-$*/bin/python --no-deps --editable .
	@touch $@

.PHONY: test-live live-table lock-live
test-live: install $(LIVE_READY) ## Run every cell of the matrix of clients and instrumentations
	@$(BIN)/python -m pytest -p no:cacheprovider -q -n $(WORKERS) tests/live --live $(ARGS)

live-table: install $(LIVE_READY) ## Run the matrix and write docs/live.md and the table of docs/dialects.md
	@$(BIN)/python tools/live_table.py --page docs/live.md --dialects docs/dialects.md

lock-live: $(VENV)/bin/uv ## Resolve each tests/live/requirements-GROUP.in into its .txt
	@for group in $(LIVE_GROUPS); do \
		$(UV) pip compile --universal --python-version 3.11 --no-header --no-emit-index-url $(ARGS) \
			tests/live/requirements-$$group.in pyproject.toml \
			--output-file tests/live/requirements-$$group.txt >/dev/null || exit 1; \
	done
