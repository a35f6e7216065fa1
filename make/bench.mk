# SPDX-License-Identifier: Apache-2.0
# Measures what spancost costs its host, next to other libraries, which it installs. No result fails the build.

##@ Measure speed (slow)

BENCH := .venv-bench

$(BENCH)/installed: benchmarks/requirements.txt benchmarks/overrides.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(BENCH) ..."
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(UV) pip install --python $(BENCH)/bin/python --override benchmarks/overrides.txt \
		--requirements benchmarks/requirements.txt --editable .
	@touch $@

.PHONY: bench
bench: $(BENCH)/installed ## Measure against the bare SDK and other libraries; writes docs/performance.md
	@$(BENCH)/bin/python -m benchmarks --page docs/performance.md $(ARGS)

.PHONY: bench-store
bench-store: install ## CPU of load and report, beside DuckDB's JSON reader and enrich: ARGS="--spans 200000"
	@PYTHONPATH=. $(BIN)/python -m benchmarks.store $(ARGS)

.PHONY: bench-reconcile
bench-reconcile: install ## CPU of a reconciliation by its parts: ARGS="--lines 100000 --calls 1000000 --form aws_cur"
	@PYTHONPATH=. $(BIN)/python -m benchmarks.reconcile $(ARGS)
