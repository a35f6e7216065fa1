// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/collector/cost/pricing"
	data "github.com/spancost/spancost/pricing"
)

func TestVectorsOfContractForms(t *testing.T) {
	type vector struct {
		About, Text string
		Error       *string
	}
	costtest.EachVector(t, "contract_form", func(t *testing.T, v vector) {
		contract, err := New([]byte(v.Text), "c.json")
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

// A compiled contract that was changed is refused, or prices what it is asked for: never below 0, and never without a status.
func FuzzContract(f *testing.F) {
	list := pricing.NewPricer(embedded(f))
	for _, seed := range []string{
		`{"attributes":{"tenant":["t"]},"deployments":[],"format":1,"name":"v","terms":[{"id":"t","rates":{"input_tokens":[1,3]},"when":{"provider":"openai"},"x":[7,8]}]}`,
		`{"attributes":{},"deployments":[{"facts":{"deployment_type":"data zone"},"model":"gpt-4o","when":{"deployment":"*"}}],"format":1,"name":"v","override":{"attribute":"a","most":1},"terms":[{"hardware":{"gpus":[1,2],"rate":5},"id":"t","when":{}}]}`,
		`{"attributes":{},"deployments":[],"format":1,"name":"v","terms":[{"from":5,"id":"t","skip":["*"],"steps":[{"from":2,"meter":"input_tokens","rates":{"output_tokens":9}}],"units":"all","variants":[{"rates":{},"when":{"processing":"batch"}}],"when":{"model":"gpt-*"},"x":0}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		contract, err := New(content, "fuzzed")
		if err != nil {
			return
		}
		pricer, err := NewPricer(list, contract)
		if err != nil {
			return
		}
		call := costtest.BenchCall()
		call.Context = append(call.Context, cost.Fact{Dimension: "tenant", Value: "acme"}, cost.Fact{Dimension: overrideFact, Value: "0.5"})
		call.DurationNs, call.HasDuration = 1_500_000_000, true
		result := pricer.Price(call)
		if result.Status == "" || result.Femto.Cmp(cost.Femto{}) < 0 || result.List.Cmp(cost.Femto{}) < 0 || (result.Status == cost.Unpriced && result.Known) {
			t.Fatalf("%s prices %+v", content, result)
		}
		items, again := pricer.LineItems(call)
		if again != result {
			t.Fatalf("found %+v, then %+v", result, again)
		}
		sum := cost.Femto{}
		for _, item := range items {
			sum = sum.Add(item.Femto)
		}
		if len(items) > 0 && sum != result.Femto {
			t.Fatalf("%s: items come to %s of %s", content, sum.Text(), result.Femto.Text())
		}
	})
}

func BenchmarkPriceUnderContract(b *testing.B) {
	contract, err := New([]byte(`{"attributes":{},"deployments":[],"format":1,"name":"v","terms":[`+
		`{"id":"t","rates":{"input_tokens":1000000000},"when":{"provider":"openai","tenant":"acme"},"x":[7,8]}]}`), "bench")
	if err != nil {
		b.Fatal(err)
	}
	pricer, err := NewPricer(pricing.NewPricer(embedded(b)), contract)
	if err != nil {
		b.Fatal(err)
	}
	call := costtest.BenchCall()
	call.Context = append(call.Context, cost.Fact{Dimension: "tenant", Value: "acme"})
	b.ReportAllocs()
	for b.Loop() {
		if result := pricer.Price(call); result.Source != cost.SourceContract {
			b.Fatal(result)
		}
	}
}

func embedded(t testing.TB) *pricing.RateCard {
	t.Helper()
	card, err := pricing.NewRateCard(data.Card, "embedded card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}
