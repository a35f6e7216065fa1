# SPDX-License-Identifier: Apache-2.0
# A real trace backend: Arize Phoenix, started on loopback from its own virtual environment. A lane of its own.

PHOENIX := .venv-phoenix

$(PHOENIX)/installed: tests/backends/requirements-phoenix.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(PHOENIX) ..."
	@test -x $(PHOENIX)/bin/python || $(PYTHON) -m venv $(PHOENIX)
	@$(UV) pip install --python $(PHOENIX)/bin/python --requirements tests/backends/requirements-phoenix.txt --editable .
	@touch $@

.PHONY: phoenix
phoenix: $(PHOENIX)/installed ## Send a real trace to a real Phoenix and ask its API what arrived
	@PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PHOENIX)/bin/python -m pytest -p no:cacheprovider -q tests/backends/test_phoenix.py $(ARGS)
