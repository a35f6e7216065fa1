# SPDX-License-Identifier: Apache-2.0
# Tests capture at the HTTP boundary with every supported client, in a separate environment.

##@ Test capture with every HTTP client (slow)

CAPTURE := .venv-capture

$(CAPTURE)/installed: tests/capture/requirements.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(CAPTURE) ..."
	@test -x $(CAPTURE)/bin/python || $(PYTHON) -m venv $(CAPTURE)
	@$(UV) pip install --python $(CAPTURE)/bin/python --requirements tests/capture/requirements.txt
	@$(UV) pip install --python $(CAPTURE)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: test-capture lock-capture
test-capture: $(CAPTURE)/installed ## Run the tests of capture with every client installed
	@$(CAPTURE)/bin/python -m pytest -p no:cacheprovider -q -n $(WORKERS) tests/capture $(ARGS)

lock-capture: $(VENV)/bin/uv ## Resolve tests/capture/requirements.in into requirements.txt
	@$(UV) pip compile --universal --python-version 3.10 --no-header --no-emit-index-url $(ARGS) \
		tests/capture/requirements.in pyproject.toml --output-file tests/capture/requirements.txt
