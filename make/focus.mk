# SPDX-License-Identifier: Apache-2.0
# The official validator of FOCUS files, in an environment of its own.

##@ Slow lanes

.PHONY: test-focus
test-focus: install ## Check a FOCUS 1.2 file with the official validator
	@$(BIN)/python -m tools.test_focus

.PHONY: test-bills
test-bills: install ## Reconcile every form of bill with every difference put in
	@$(BIN)/python -m pytest -n $(WORKERS) tests/bills/matrix.py $(ARGS)
