# SPDX-License-Identifier: Apache-2.0
# Starts a real trace backend, Arize Phoenix, on loopback from a separate virtual environment.

##@ Test with a real trace backend (slow)

PHOENIX := .venv-phoenix

$(PHOENIX)/installed: tests/backends/requirements-phoenix.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(PHOENIX) ..."
	@test -x $(PHOENIX)/bin/python || $(PYTHON) -m venv $(PHOENIX)
	@$(UV) pip install --python $(PHOENIX)/bin/python --requirements tests/backends/requirements-phoenix.txt --editable .
	@touch $@

.PHONY: phoenix
phoenix: $(PHOENIX)/installed ## Send a trace to Phoenix and check through its API what arrived
	@PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PHOENIX)/bin/python -m pytest -p no:cacheprovider -q tests/backends/test_phoenix.py $(ARGS)

.PHONY: bench-phoenix
bench-phoenix: $(PHOENIX)/installed ## Spend by feature of a week: Phoenix's export and sum beside spancost report
	@$(UV) pip install --python $(PHOENIX)/bin/python --editable '.[reports]'
	@PYTHONPATH=. $(PHOENIX)/bin/python -m tests.backends.phoenix_sum
