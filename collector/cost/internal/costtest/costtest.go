// SPDX-License-Identifier: Apache-2.0

// Package costtest holds the shared vectors and inputs of the tests of package cost and those below it.
package costtest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

const BenchNs = 1_763_640_000_000_000_000

func BenchCall() *cost.Call {
	return &cost.Call{
		Provider: "openai", Model: "gpt-4o-mini-2024-07-18", RequestModel: "gpt-4o-mini", AtNs: BenchNs,
		Usage: []cost.Amount{
			{Meter: "input_tokens", Quantity: cost.Whole(1200)}, {Meter: "output_tokens", Quantity: cost.Whole(300)},
			{Meter: "cache_read_tokens", Quantity: cost.Whole(1000)},
		},
		Context: []cost.Fact{{Dimension: "server_address", Value: "api.openai.com"}},
	}
}

func BenchSpan(withCall bool) *cost.Span {
	span := &cost.Span{Key: cost.SpanKey{ID: 1}, StartNs: BenchNs, EndNs: BenchNs + 1, ScopeName: "opentelemetry.instrumentation.openai_v2"}
	text := func(key, value string) {
		span.Attributes = append(span.Attributes, cost.Attribute{Key: key, Value: document.OfString(value)})
	}
	for _, key := range []string{
		"http.request.method", "url.full", "server.port", "network.protocol.version", "http.response.status_code",
		"user_agent.original", "thread.id", "code.function.name", "app.feature", "app.team", "app.environment",
	} {
		text(key, "x")
	}
	if withCall {
		text("gen_ai.operation.name", "chat")
		text("gen_ai.provider.name", "openai")
		text("gen_ai.request.model", "gpt-4o-mini")
		text("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
		text("gen_ai.response.id", "chatcmpl-1")
		text("server.address", "api.openai.com")
		for key, n := range map[string]int64{"gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 300} {
			span.Attributes = append(span.Attributes, cost.Attribute{Key: key, Value: document.OfInt(n)})
		}
	}
	return span
}

const Vectors = "../../../tests/vectors"

// EachVector calls test with every case of a kind: unknown keys are refused, an empty folder fails.
func EachVector[T any](t *testing.T, kind string, test func(*testing.T, T)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Vectors, kind, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: found no vectors (%v); expected some", kind, err)
	}
	for _, file := range files {
		t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			decoder := json.NewDecoder(bytes.NewReader(content))
			decoder.DisallowUnknownFields()
			var vector T
			if err := decoder.Decode(&vector); err != nil {
				t.Fatal(err)
			}
			test(t, vector)
		})
	}
}

// sameJSON fails when a value is not, as JSON, what is expected.
func SameJSON(t *testing.T, found any, expected json.RawMessage) {
	t.Helper()
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	var left, right any
	if err := json.Unmarshal(text, &left); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(expected, &right); err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(left)
	other, _ := json.Marshal(right)
	if !bytes.Equal(one, other) {
		t.Errorf("found    %s\nexpected %s", one, other)
	}
}

func AttributesOf(t *testing.T, text string) cost.Attributes {
	t.Helper()
	table, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var found cost.Attributes
	for n, key := range table.Keys() {
		found = append(found, cost.Attribute{Key: key, Value: table.Items()[n]})
	}
	return found
}
