# SPDX-License-Identifier: Apache-2.0
# The local page in a browser of the system's packages (Debian: chromium, chromium-driver).

##@ Slow lanes

.PHONY: test-web
test-web: install ## Drive the local page in Chromium (needs chromium and chromedriver)
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/browser $(ARGS)

.PHONY: pictures
pictures: install ## Take the pictures of docs/ from the local page again
	@$(BIN)/python -m tests.browser.pictures
