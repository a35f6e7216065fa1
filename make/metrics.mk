# SPDX-License-Identifier: Apache-2.0
# Tests of metrics against real servers.

##@ Test metrics with real servers (slow)

.PHONY: test-prometheus test-gunicorn
test-prometheus: install ## Have a real Prometheus scrape the exporter and compare PromQL sums; skipped without one
	@TEST_PROMETHEUS=1 $(BIN)/python -m pytest -p no:cacheprovider -q tests/backends/test_prometheus.py $(ARGS)

test-gunicorn: install ## Count the calls of real gunicorn workers, with and without --preload
	@TEST_GUNICORN=1 $(BIN)/python -m pytest -p no:cacheprovider -q tests/otel/metrics/test_gunicorn.py $(ARGS)

##@ Test recipes with the real packages (slow)

.PHONY: test-recipes
test-recipes: install ## Run each recipe of docs/recipes.md in an environment of its own: ARGS="-k gunicorn"
	@TEST_RECIPES=1 $(BIN)/python -m pytest -p no:cacheprovider -q tests/recipes $(ARGS)
