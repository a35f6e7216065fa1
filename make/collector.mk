# SPDX-License-Identifier: Apache-2.0
# The Go code: the Go core, the Collector components, and a Collector with them.

##@ Go and the Collector

GO ?= go
COLLECTOR := build/otelcol/otelcol-spancost
GO_TOOL := $(GO) tool -modfile=collector/tools/go.mod
GO_SOURCES := $(shell find collector pricing/embed.go semconv/embed.go -name '*.go' -not -path '*/tools/*' 2>/dev/null)
FUZZ_TIME ?= 60s

.PHONY: collector
collector: $(COLLECTOR) ## Build a Collector with llm_cost, llm_cost_rollup and llm_spend into build/otelcol

# kafkareceiver and the core differ by a few minor versions; --skip-strict-versioning allows that.
$(COLLECTOR): collector-config/builder.yaml go.mod go.sum $(GO_SOURCES) pricing/compiled/card.jsonl semconv/compiled/dialects.json
	@mkdir -p build
	@CGO_ENABLED=0 $(GO_TOOL) builder --skip-strict-versioning --config collector-config/builder.yaml
	@touch $@

.PHONY: deb
deb: install $(COLLECTOR) ## Build a Debian package of the Collector into build/ (needs dpkg-deb)
	@$(BIN)/python tools/collector/debian_package.py $(ARGS)

COLLECTOR_METRICS := build/otelcol-metrics/otelcol-spancost-metrics

.PHONY: collector-metrics
collector-metrics: $(COLLECTOR_METRICS) ## Build a Collector that turns priced spans into spend metrics

$(COLLECTOR_METRICS): collector-config/builder-metrics.yaml
	@mkdir -p build
	@CGO_ENABLED=0 $(GO) run go.opentelemetry.io/collector/cmd/builder@v0.155.0 --skip-strict-versioning \
		--config collector-config/builder-metrics.yaml
	@touch $@

.PHONY: jaeger
jaeger: build/jaeger ## Build Jaeger, which the end-to-end test queries

# A separate module: `go install` refuses Jaeger because its go.mod has a replace directive.
build/jaeger: collector/tools/jaeger/go.mod
	@mkdir -p build
	@cd collector/tools/jaeger && CGO_ENABLED=0 $(GO) build -o $(CURDIR)/build/jaeger github.com/jaegertracing/jaeger/cmd/all-in-one

.PHONY: kafka
kafka: build/kafka ## Build the in-memory broker for the end-to-end test of the Kafka configurations

build/kafka: collector/tools/kafka/main.go collector/tools/kafka/go.mod
	@mkdir -p build
	@cd collector/tools/kafka && CGO_ENABLED=0 $(GO) build -o $(CURDIR)/build/kafka .

.PHONY: test-go
test-go: ## Run the Go tests; skipped without Go (with CI set, that is a failure)
	@if ! command -v $(GO) >/dev/null; then \
		echo "SKIPPED: found no Go; the Go tests did not run" >&2; [ -z "$$CI" ]; \
	elif ! $(GO) mod download 2>/dev/null; then \
		echo "SKIPPED: the Go modules cannot be downloaded here; the Go tests did not run" >&2; [ -z "$$CI" ]; \
	else $(GO) test ./pricing ./semconv ./collector/...; fi

.PHONY: test-go-race
test-go-race: ## Run the Go tests with the race detector
	@$(GO) test -race ./collector/...

.PHONY: vet
vet: ## Check the Go code: vet, staticcheck, formatting, generated files
	@test -z "$$(gofmt -l collector pricing semconv)" || { gofmt -l collector pricing semconv; exit 1; }
	@$(GO) vet ./...
	@$(GO_TOOL) staticcheck ./collector/...
	@for folder in collector/llmcostprocessor collector/llmcostrollupprocessor collector/llmspendconnector collector/llmcostcheckextension; do \
		before="$$(cd $$folder && cat metadata.yaml README.md documentation.md generated_* internal/*/* 2>/dev/null | sha256sum)"; \
		(cd $$folder && $(GO) tool -modfile=../tools/go.mod mdatagen metadata.yaml); \
		after="$$(cd $$folder && cat metadata.yaml README.md documentation.md generated_* internal/*/* 2>/dev/null | sha256sum)"; \
		[ "$$before" = "$$after" ] || { echo "$$folder: generated files differed from metadata.yaml and were regenerated" >&2; exit 1; }; \
	done

.PHONY: fuzz
# Go 1.26 sometimes reports the end of the time as a failure ("context deadline exceeded"), without an input that fails.
fuzz: ## Fuzz the parsers of external input, FUZZ_TIME (60s) each
	@mkdir -p build
	@for target in cost/document:FuzzDocument cost/dialect:FuzzEncoded cost/pricing:FuzzCard cost/contract:FuzzContract \
		cost/ledger:FuzzSpan cost/ledger:FuzzTree internal/contracts:FuzzContractFile; do \
		$(GO) test ./collector/$${target%%:*} -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZ_TIME) 2>&1 \
			| tee build/fuzz.log; \
		! grep -q '^FAIL' build/fuzz.log || { grep -q 'context deadline exceeded' build/fuzz.log \
			&& ! grep -qE 'Failing input|panic' build/fuzz.log; } || exit 1; \
		grep -qE '^(ok|FAIL)' build/fuzz.log || exit 1; \
	done

.PHONY: bench-go
bench-go: ## Nanoseconds a span in package cost and the components
	@$(GO) test ./collector/... -run '^$$' -bench . -benchmem

.PHONY: bench-collector
bench-collector: install $(COLLECTOR) ## What the processors cost a Collector; writes that part of docs/performance.md
	@PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=. $(BIN)/python tools/collector/throughput.py --page docs/performance.md $(ARGS)

.PHONY: bench-builds
bench-builds: install $(COLLECTOR) ## What an earlier build and this one add to a Collector: BEFORE=path/to/otelcol-spancost
	@PYTHONPATH=. $(BIN)/python tools/collector/compare_builds.py $(BEFORE) $(ARGS)

CONTRACTS ?= $(wildcard tests/config/contracts/agreements/*.yaml)

.PHONY: same-bytes
same-bytes: install ## Compare both implementations: make same-bytes CALLS=calls.jsonl SPANS=spans.jsonl
	@$(BIN)/python tools/collector/same_bytes.py $(if $(CALLS),--calls $(CALLS)) $(if $(SPANS),--spans $(SPANS)) \
		$(foreach file,$(CONTRACTS),--contract $(file))

.PHONY: test-collector
test-collector: install $(COLLECTOR) $(COLLECTOR_METRICS) build/jaeger build/kafka ## Test the built Collector end to end: every configuration, and a stock Collector
	@$(BIN)/python -m pytest -q -p no:cacheprovider -n 4 --dist loadgroup tests/collector $(ARGS)
