# SPDX-License-Identifier: Apache-2.0
# Keeping the rate card true to other catalogues (docs/prices-upkeep.md). A lane of its own: it needs the registry.

PRICES := .venv-prices
SAID := build/prices
MAINTAIN := $(BIN)/python -m tools.pricing.maintain

.PHONY: prices prices-fetch prices-report
prices: install prices-fetch ## Propose changes from the newest catalogues: make prices ARGS="--provider openai --write"
	@$(MAINTAIN) propose $(SAID)/genai-prices.json $(SAID)/litellm.json $(ARGS)

# litellm is only a file here: its hundred dependencies stay out.
prices-fetch: $(VENV)/bin/uv
	@test -x $(PRICES)/bin/python || $(PYTHON) -m venv --without-pip $(PRICES)
	@$(UV) pip install --python $(PRICES)/bin/python --upgrade genai-prices
	@$(UV) pip install --python $(PRICES)/bin/python --upgrade --no-deps litellm
	@$(PRICES)/bin/python tools/pricing/export.py $(SAID)

prices-report: install ## Age, coverage and conflicts of the rate card, by provider: ARGS="--provider openai --details"
	@$(MAINTAIN) report $(ARGS)
