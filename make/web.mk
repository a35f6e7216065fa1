# SPDX-License-Identifier: Apache-2.0
# The local page in a browser of the system's packages (Debian: chromium, chromium-driver).

##@ Slow lanes

AXE := build/axe/node_modules/axe-core/axe.min.js
$(AXE):
	@mkdir -p build/axe
	@command -v npm >/dev/null && npm install --silent --ignore-scripts --no-audit --no-fund --prefix build/axe axe-core@4.14.1 \
		|| echo "axe-core cannot be had here: its tests are skipped" >&2

.PHONY: test-web
test-web: install $(AXE) ## Drive the local page in Chromium (needs chromium and chromedriver)
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/browser $(ARGS)

.PHONY: measure-web
measure-web: install ## Measure the local page in Chromium over a million calls and a trace of 10,000 spans
	@$(BIN)/python -m tests.browser.measure

.PHONY: pictures
pictures: install ## Take the pictures of docs/ from the local page again
	@$(BIN)/python -m tests.browser.pictures
