# SPDX-License-Identifier: Apache-2.0
# Compares the rate card with other catalogues (docs/prices-upkeep.md). It needs the package registry.

##@ Update prices (slow; needs the package registry)

PRICES := .venv-prices
CATALOGUES := build/prices
MAINTAIN := $(BIN)/python -m tools.pricing.maintain

.PHONY: prices prices-fetch prices-report
prices: install prices-fetch ## Propose price changes from the newest catalogues: make prices ARGS="--provider openai --write"
	@$(MAINTAIN) propose $(CATALOGUES)/genai-prices.json $(CATALOGUES)/litellm.json $(ARGS)

# Only a data file of litellm is used, so its dependencies are not installed.
prices-fetch: $(VENV)/bin/uv
	@test -x $(PRICES)/bin/python || $(PYTHON) -m venv --without-pip $(PRICES)
	@$(UV) pip install --python $(PRICES)/bin/python --upgrade genai-prices
	@$(UV) pip install --python $(PRICES)/bin/python --upgrade --no-deps litellm
	@$(PRICES)/bin/python tools/pricing/export.py $(CATALOGUES)

prices-report: install ## Print age, coverage and conflicts of the rate card by provider: ARGS="--provider openai --details"
	@$(MAINTAIN) report $(ARGS)
