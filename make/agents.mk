# SPDX-License-Identifier: Apache-2.0
# Runs coding agents against a model server on loopback. The install scripts of their packages are not run.

##@ Test coding agents (slow)

AGENTS := build/agents

$(AGENTS)/installed: tests/agents/package.json
	@mkdir -p $(AGENTS)
	@cp tests/agents/package.json $(AGENTS)/package.json
	@cd $(AGENTS) && timeout 300 npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	@touch $@

.PHONY: test-agents
test-agents: install ## Run Claude Code, Codex, Gemini CLI and Copilot on loopback; skipped without npm
	@if ! command -v npm >/dev/null; then echo "SKIPPED: found no npm; the coding agents did not run" >&2; \
	elif ! $(MAKE) --no-print-directory $(AGENTS)/installed; then \
		echo "SKIPPED: the packages of the coding agents cannot be installed here" >&2; \
	else SPANCOST_AGENTS=$(AGENTS) $(BIN)/python -m pytest -p no:cacheprovider -q tests/agents $(ARGS); fi
