# SPDX-License-Identifier: Apache-2.0
# Every task is one command. `make demo` and `make test` install what they need, only inside .venv.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python3.14 python; do \
	$$p $(NEW_ENOUGH) && { echo $$p; break; }; done)
UV_VERSION := 0.13.9
UV := $(BIN)/uv --quiet --no-config
WORKERS ?= 2

$(VENV)/bin/uv:
	@test -n "$(PYTHON)" && $(PYTHON) $(NEW_ENOUGH) || { \
		echo "found $(if $(PYTHON),$(PYTHON),no python3); expected Python >= 3.10: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/installed: requirements/dev.txt pyproject.toml | $(VENV)/bin/uv
	@echo "installing into $(VENV) ..."
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --requirements requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

##@ Try it

.PHONY: demo
demo: install ## Run a support agent and print what it cost, without a key or a network; VIEW=1 opens the page
	@$(BIN)/spancost demo
	@$(BIN)/spancost demo --week $(if $(VIEW),--view)

# What `make check` runs: it builds wheels and copies of the repository, asks every entry of the rate card, and draws the demo's
# page at several widths.
IN_CHECK := test_wheel.py test_contributing.py test_examples.py core/test_facts_of_card.py demo/test_demo.py

.PHONY: test
test: install test-go ## Run the Python and Go tests, without the slow lanes
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore tests/collector --ignore tests/browser \
		$(addprefix --ignore tests/,$(IN_CHECK)) $(ARGS)

.PHONY: install
install: $(VENV)/installed ## Create .venv with the package (editable), its tools and .venv/bin/spancost
	@:

# A line `##@ Title` begins a group; the groups are listed in the order in which the files are included.
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

include make/check.mk make/prices.mk make/bench.mk
include $(sort $(filter-out make/check.mk make/prices.mk make/bench.mk,$(wildcard make/*.mk)))
