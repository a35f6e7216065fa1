# SPDX-License-Identifier: Apache-2.0
# Runs the processor's tests on each opentelemetry-sdk version that changed what a processor can do.

##@ Test OpenTelemetry SDK versions (slow)

SDKS ?= all

.PHONY: test-sdks
test-sdks: install ## Test the processor on old and new SDKs: SDKS="oldest newest", or versions; all by default
	@$(BIN)/python tools/test_sdks.py $(SDKS)
