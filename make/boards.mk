# SPDX-License-Identifier: Apache-2.0
# Checks dashboards with the types and grammars of their backends, and runs the Prometheus ones on a real Prometheus.

##@ Test dashboards (slow)

GRAFANA_CHECK := build/grafana-check
DATADOG := .venv-datadog
TRACEQL := build/traceql

$(GRAFANA_CHECK): tools/dashboards/grafana_check/main.go tools/dashboards/grafana_check/go.mod
	@mkdir -p build
	@cd tools/dashboards/grafana_check && CGO_ENABLED=0 $(GO) build -o $(CURDIR)/$@ .

$(DATADOG)/installed: tests/dashboards/requirements-datadog.txt | $(VENV)/bin/uv
	@test -x $(DATADOG)/bin/python || $(PYTHON) -m venv --without-pip $(DATADOG)
	@$(UV) pip install --python $(DATADOG)/bin/python --requirements tests/dashboards/requirements-datadog.txt
	@touch $@

$(TRACEQL)/installed: tests/dashboards/package.json
	@mkdir -p $(TRACEQL)
	@cp tests/dashboards/package.json $(TRACEQL)/package.json
	@cd $(TRACEQL) && timeout 300 npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	@touch $@

.PHONY: test-boards boards-checkers
boards-checkers: # Each checker that cannot be had is named by the test that is skipped for it.
	@-$(MAKE) --no-print-directory $(GRAFANA_CHECK)
	@-$(MAKE) --no-print-directory $(DATADOG)/installed
	@-command -v npm >/dev/null && $(MAKE) --no-print-directory $(TRACEQL)/installed

test-boards: install boards-checkers $(COLLECTOR) ## Check dashboards, and run their queries and alerts on a real Prometheus
	@TEST_BOARDS=1 $(BIN)/python -m pytest -p no:cacheprovider -q tests/tools/dashboards tests/dashboards $(ARGS)

.PHONY: board-pictures
board-pictures: install ## Draw the boards' pictures in docs/ again (needs prometheus, promtool, chromium, chromedriver)
	@$(BIN)/python -m tests.dashboards.pictures
