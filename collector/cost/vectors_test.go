// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/semconv"
)

const vectors = "../../tests/vectors"

// eachVector calls test with every case of a kind: unknown keys are refused, an empty folder fails.
func eachVector[T any](t *testing.T, kind string, test func(*testing.T, T)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, kind, "*.json"))
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

func smallCard(t *testing.T) *RateCard {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(vectors, "small_card", "card.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := NewRateCard(content, "small card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func testDialects(t testing.TB) *Dialects {
	t.Helper()
	dialects, err := NewDialects(semconv.Dialects, embedded(t).Providers(), DialectOptions{ReadResponses: true})
	if err != nil {
		t.Fatal(err)
	}
	return dialects
}

// sameJSON fails when a value is not, as JSON, what is expected.
func sameJSON(t *testing.T, found any, expected json.RawMessage) {
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

func TestVectorsOfCards(t *testing.T) {
	type vector struct {
		About, Text string
		Error       *string
	}
	eachVector(t, "card", func(t *testing.T, v vector) {
		card, err := NewRateCard([]byte(v.Text), "my-card.jsonl")
		if err == nil {
			err = card.Check()
		}
		if v.Error == nil {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), *v.Error) || !strings.Contains(err.Error(), "my-card.jsonl") {
			t.Fatalf("found error %v; expected one that says %q", err, *v.Error)
		}
	})
}

func TestVectorsOfContractForms(t *testing.T) {
	type vector struct {
		About, Text string
		Error       *string
	}
	eachVector(t, "contract_form", func(t *testing.T, v vector) {
		contract, err := NewContract([]byte(v.Text), "c.json")
		switch {
		case v.Error == nil && err != nil:
			t.Fatal(err)
		case v.Error == nil && contract.Name() != "v":
			t.Fatalf("found name %q", contract.Name())
		case v.Error != nil && (err == nil || !strings.Contains(err.Error(), *v.Error) || !strings.Contains(err.Error(), "c.json")):
			t.Fatalf("found error %v; expected one that says %q", err, *v.Error)
		}
	})
}

func TestVectorsOfMatching(t *testing.T) {
	type vector struct {
		About, Provider, Model string
		Context                map[string]string
		Expected               json.RawMessage
	}
	card := smallCard(t)
	eachVector(t, "match", func(t *testing.T, v vector) {
		found, reason := card.match(&Call{Provider: v.Provider, Model: v.Model, Context: sortedFacts(v.Context)}, nil)
		if found == nil {
			sameJSON(t, reason, v.Expected)
			return
		}
		sameJSON(t, map[string]any{"provider": found.provider.name, "entry": found.spans[0].entry, "facts": found.words}, v.Expected)
	})
}

func TestVectorsOfDialects(t *testing.T) {
	type vector struct {
		Describes string
		Span      struct {
			Scope, Version, Language, Name string
			Attributes                     json.RawMessage
		}
		Reading json.RawMessage
	}
	dialects := testDialects(t)
	eachVector(t, "dialect", func(t *testing.T, v vector) {
		span := &Span{
			Key: SpanKey{ID: 2}, StartNs: 0, EndNs: 1, ScopeName: v.Span.Scope, ScopeVersion: v.Span.Version, Language: v.Span.Language,
			Name: v.Span.Name, Attributes: attributesOf(t, string(v.Span.Attributes)), IsLocalRoot: true,
		}
		var reading Reading
		if !dialects.Read(span, &reading) {
			sameJSON(t, nil, v.Reading)
			return
		}
		var expected map[string]any
		if err := json.Unmarshal(v.Reading, &expected); err != nil {
			t.Fatal(err)
		}
		// A cost that somebody else put on the span is not read here: it is never written.
		if expected["billed"] != true {
			delete(expected, "reported_femto")
		}
		want, _ := json.Marshal(expected)
		sameJSON(t, told(&reading), want)
	})
}

func attributesOf(t *testing.T, text string) Attributes {
	t.Helper()
	table, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var found Attributes
	for n, key := range table.Keys() {
		found = append(found, Attribute{key, table.Items()[n]})
	}
	return found
}

func told(r *Reading) map[string]any {
	found := map[string]any{"dialect": r.Emitter, "kind": "container", "operation": r.Operation}
	if r.IsCall {
		found["kind"] = "call"
	}
	usage := map[string]any{}
	for _, amount := range r.Usage {
		if n, whole := amount.Quantity.Int(); whole {
			usage[amount.Meter] = n
		} else {
			usage[amount.Meter] = amount.Quantity.Rat().RatString()
		}
	}
	found["usage"] = usage
	for key, text := range map[string]string{
		"provider": r.Provider, "model": r.Model, "request_model": r.RequestModel, "response_id": r.ResponseID,
		"finish_reason": r.FinishReason, "service_tier": r.ServiceTier, "processing": r.Processing,
	} {
		if text != "" {
			found[key] = text
		}
	}
	if r.Doubt != (Doubt{}) {
		found["caveat"] = []string{r.Doubt.Status, r.Doubt.Reason}
	}
	if len(r.Context) > 0 {
		context := map[string]string{}
		for _, fact := range r.Context {
			context[fact.Dimension] = fact.Value
		}
		found["context"] = context
	}
	if r.IsBilled {
		found["billed"], found["reported_femto"] = true, r.Billed.Big()
	}
	return found
}
