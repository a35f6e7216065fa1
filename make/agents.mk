# SPDX-License-Identifier: Apache-2.0
# Coding agents against a model server on loopback. Their packages' install scripts are not run.

AGENTS := build/agents

$(AGENTS)/installed: tests/agents/package.json
	@mkdir -p $(AGENTS)
	@cp tests/agents/package.json $(AGENTS)/package.json
	@cd $(AGENTS) && timeout 300 npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	@touch $@

.PHONY: test-agents
test-agents: install ## Run Claude Code, Codex, Gemini CLI and Copilot on loopback; without npm say so
	@if ! command -v npm >/dev/null; then echo "SKIPPED: found no npm; the coding agents did not run" >&2; \
	elif ! $(MAKE) --no-print-directory $(AGENTS)/installed; then \
		echo "SKIPPED: the coding agents' packages cannot be had here" >&2; \
	else SPANCOST_AGENTS=$(AGENTS) $(BIN)/python -m pytest -p no:cacheprovider -q tests/agents $(ARGS); fi
