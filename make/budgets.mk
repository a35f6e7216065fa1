# SPDX-License-Identifier: Apache-2.0
# Tests budgets that processes share, on real servers, and budgets through the hooks of frameworks.

##@ Test budgets with real servers and frameworks (slow)

HOOKS := .venv-hooks

$(HOOKS)/installed: tests/control/hooks/requirements.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(HOOKS) ..."
	@test -x $(HOOKS)/bin/python || $(PYTHON) -m venv $(HOOKS)
	@$(UV) pip install --python $(HOOKS)/bin/python --requirements tests/control/hooks/requirements.txt --editable .
	@touch $@

.PHONY: test-budgets test-hooks lock-hooks bench-budgets
test-budgets: install ## Run the tests of budgets with a large fleet, on Valkey and on Redis where it is installed
	@SPANCOST_TEST_FLEET=1 $(VENV)/bin/python -m pytest -p no:cacheprovider -q -s tests/control/budgets $(ARGS)

# Frameworks leave event loops and sockets open until the interpreter ends, after the last test.
test-hooks: $(HOOKS)/installed ## Run the tests of budgets through LangChain, Pydantic AI, OpenAI Agents and LiteLLM
	@LITELLM_LOCAL_MODEL_COST_MAP=True $(HOOKS)/bin/python -m pytest -p no:cacheprovider -q tests/control/hooks \
		-W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning $(ARGS)

bench-budgets: $(HOOKS)/installed ## Measure what a budget costs a call, beside Pydantic AI and LiteLLM
	@LITELLM_LOCAL_MODEL_COST_MAP=True $(HOOKS)/bin/python -m benchmarks.budgets $(ARGS)

lock-hooks: $(VENV)/bin/uv ## Resolve tests/control/hooks/requirements.in into requirements.txt
	@$(UV) pip compile --universal --python-version 3.10 --no-header --no-emit-index-url $(ARGS) \
		tests/control/hooks/requirements.in --output-file tests/control/hooks/requirements.txt
