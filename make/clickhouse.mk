# SPDX-License-Identifier: Apache-2.0
# Runs the DDL and every report on ClickHouse's own engine, embedded (chDB), from a separate virtual environment.

##@ Test with ClickHouse (slow)

CLICKHOUSE := .venv-clickhouse

$(CLICKHOUSE)/installed: tests/clickhouse/requirements.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(CLICKHOUSE) ..."
	@test -x $(CLICKHOUSE)/bin/python || $(PYTHON) -m venv --without-pip $(CLICKHOUSE)
	@$(UV) pip install --python $(CLICKHOUSE)/bin/python --requirements tests/clickhouse/requirements.txt --editable '.[reports]'
	@touch $@

.PHONY: test-clickhouse
test-clickhouse: $(CLICKHOUSE)/installed ## Run every report on ClickHouse's engine with the DDL that spancost prints
	@PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(CLICKHOUSE)/bin/python -m pytest -p no:cacheprovider -q tests/clickhouse $(ARGS)

CALLS ?= 1000000

.PHONY: test-many-calls
test-many-calls: $(CLICKHOUSE)/installed ## Compare every report on DuckDB, ClickHouse and plain integers: CALLS=1000000 or SPANS=FOLDER
	@PYTHONPATH=. $(CLICKHOUSE)/bin/python -m tests.clickhouse.many_calls --calls $(CALLS) $(if $(SPANS),--spans $(SPANS))
