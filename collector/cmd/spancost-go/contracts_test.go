// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/big"
	"path/filepath"
	"testing"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

func TestVectorsOfContracts(t *testing.T) {
	card, err := cardFrom(filepath.Join(vectors, "small_card", "card.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	eachVector(t, "contract", []string{"about", "calls", "contract", "expected", "suffix"}, func(t *testing.T, vector document.Value) {
		agreed, err := contract.New(document.Canonical(vector.Get("contract")), "vector")
		if err != nil {
			t.Fatal(err)
		}
		pricer, err := contract.NewPricer(pricing.NewPricer(card), agreed)
		if err != nil {
			t.Fatal(err)
		}
		if suffix, _ := vector.Get("suffix").Text(); pricer.Version() != card.Version()+"+o"+suffix {
			t.Errorf("found version %s; expected +o%s", pricer.Version(), suffix)
		}
		calls, expected := vector.Get("calls").Items(), vector.Get("expected").Items()
		if len(calls) == 0 || len(calls) != len(expected) {
			t.Fatalf("found %d calls, %d answers", len(calls), len(expected))
		}
		for range 2 {
			for n, call := range calls {
				answer := answerTo(asJSON(call), pricer)
				for k, key := range expected[n].Keys() {
					if found, wanted := asJSON(answer.Get(key)), asJSON(expected[n].Items()[k]); found != wanted {
						t.Errorf("%s, %s: found %s; expected %s", asJSON(call.Get("id")), key, found, wanted)
					}
				}
				if source, _ := answer.Get("cost_source").Text(); source != "manual" {
					itemsAddUp(t, answer)
				}
			}
		}
	})
}

// itemsAddUp fails when the line items of an answer do not add up to its cost.
func itemsAddUp(t *testing.T, answer document.Value) {
	t.Helper()
	sum := new(big.Rat)
	for _, item := range answer.Get("line_items").Items() {
		text, _ := item.Get("cost_usd").Text()
		amount, _ := new(big.Rat).SetString(text)
		sum.Add(sum, amount)
	}
	text, _ := answer.Get("cost_usd").Text()
	whole, _ := new(big.Rat).SetString("0" + text)
	if sum.Cmp(whole) != 0 {
		t.Errorf("%s: found items of %s", asJSON(answer), sum)
	}
}
