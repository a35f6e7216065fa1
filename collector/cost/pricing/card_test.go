// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	data "github.com/spancost/spancost/pricing"
)

func embedded(t testing.TB) *RateCard {
	t.Helper()
	card, err := NewRateCard(data.Card, "embedded card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func TestEveryProviderOfTheEmbeddedCardCanBeRead(t *testing.T) {
	if err := embedded(t).Check(); err != nil {
		t.Fatal(err)
	}
}

func smallCard(t *testing.T) *RateCard {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(costtest.Vectors, "small_card", "card.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := NewRateCard(content, "small card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func TestVectorsOfCards(t *testing.T) {
	type vector struct {
		About, Text string
		Error       *string
	}
	costtest.EachVector(t, "card", func(t *testing.T, v vector) {
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

func TestVectorsOfMatching(t *testing.T) {
	type vector struct {
		About, Provider, Model string
		Context                map[string]string
		Expected               json.RawMessage
	}
	card := smallCard(t)
	costtest.EachVector(t, "match", func(t *testing.T, v vector) {
		found, reason := card.Match(&cost.Call{Provider: v.Provider, Model: v.Model, Context: SortedFacts(v.Context)}, nil)
		if found == nil {
			costtest.SameJSON(t, reason, v.Expected)
			return
		}
		costtest.SameJSON(t, map[string]any{"provider": found.Provider.name, "entry": found.Spans[0].Entry, "facts": found.Words}, v.Expected)
	})
}

// A card that was changed is refused, or prices what it is asked for without harm.
func FuzzCard(f *testing.F) {
	f.Add(data.Card[:400])
	f.Add([]byte(`{"format":1,"version":"2026.11.21-000000000000"}` + "\n{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		card, err := NewRateCard(content, "fuzzed")
		if err != nil {
			return
		}
		if card.Check() == nil {
			NewPricer(card).Price(costtest.BenchCall())
		}
	})
}
