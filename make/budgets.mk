# SPDX-License-Identifier: Apache-2.0
# Tests budgets that processes share, on real servers: Valkey from the environment, Redis where it is installed.

##@ Test shared budgets on Valkey and Redis (slow)

.PHONY: test-budgets
test-budgets: install ## Run the tests of budgets with a large fleet, on Valkey and Redis
	@SPANCOST_TEST_FLEET=1 $(VENV)/bin/python -m pytest -p no:cacheprovider -q -s tests/control/budgets $(ARGS)
