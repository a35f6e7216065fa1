# SPDX-License-Identifier: Apache-2.0
# Everything is one command. `make demo` and `make test` set up what they need; nothing is installed outside .venv.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python3.14 python; do \
	$$p $(NEW_ENOUGH) && { echo $$p; break; }; done)
UV_VERSION := 0.13.9
UV := $(BIN)/uv --quiet --no-config
WORKERS ?= 2

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort

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

.PHONY: install
install: $(VENV)/installed ## Make .venv with the package (editable), its tools and .venv/bin/spancost
	@:

.PHONY: demo
demo: install ## Show the main job: a traced support agent, priced, with no key and no network
	@$(BIN)/spancost demo

.PHONY: test
test: install test-go ## Run all tests but those of the slow lanes
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore tests/collector $(ARGS)

include $(sort $(wildcard make/*.mk))
