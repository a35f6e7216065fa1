# SPDX-License-Identifier: Apache-2.0
# The processor's tests on every opentelemetry-sdk that changed what a processor may do, each in its own environment.

SDKS ?= all

.PHONY: test-sdks
test-sdks: install ## Test the processor on old and new SDKs: SDKS="oldest newest", or versions; all by default
	@$(BIN)/python tools/test_sdks.py $(SDKS)
