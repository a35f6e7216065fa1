# SPDX-License-Identifier: Apache-2.0
# Real clients under real instrumentations, each alone and several at once: what a trace costs is what was billed.

LIVE := .venv-live

$(LIVE)/installed: tests/live/requirements.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(LIVE) ..."
	@test -x $(LIVE)/bin/python || $(PYTHON) -m venv $(LIVE)
	@$(UV) pip install --python $(LIVE)/bin/python --requirements tests/live/requirements.txt
	@$(UV) pip install --python $(LIVE)/bin/python --no-deps --editable .
	@touch $@

.PHONY: test-live live-table lock-live
test-live: $(LIVE)/installed ## Run every cell of the matrix of clients and instrumentations
	@$(LIVE)/bin/python -m pytest -p no:cacheprovider -q -n $(WORKERS) tests/live --live $(ARGS)

live-table: $(LIVE)/installed ## Run the matrix and write docs/live.md from what it came to
	@$(LIVE)/bin/python tools/live_table.py --page docs/live.md

lock-live: $(VENV)/bin/uv ## Resolve tests/live/requirements.in into requirements.txt
	@$(UV) pip compile --universal --python-version 3.10 --no-header --no-emit-index-url $(ARGS) \
		tests/live/requirements.in pyproject.toml --output-file tests/live/requirements.txt
