// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost"
)

// everyEntry calls with each entry of the embedded card that its own name finds, and what the card states of a call of it.
func everyEntry(t *testing.T, visit func(line *ProviderLine, id string, e *entry, found *Match)) {
	t.Helper()
	card := embedded(t)
	for name := range card.lines {
		line, err := card.provider(name)
		if err != nil {
			t.Fatal(err)
		}
		for id, e := range line.Models {
			found, _ := card.Match(&cost.Call{Provider: name, Model: id}, nil)
			if found != nil && found.Spans[len(found.Spans)-1].Entry == id {
				visit(line, id, e, found)
			}
		}
	}
}

// ratedValues are the values of a fact that an entry has a table or a factor for.
func (s *ProviderLine) ratedValues(e *entry, fact string) []string {
	var found []string
	add := func(when map[string]string) {
		if value, named := when[fact]; named {
			found = append(found, value)
		}
	}
	for n := range e.Periods {
		for k := range e.Periods[n].Variants {
			add(e.Periods[n].Variants[k].When)
		}
	}
	for _, index := range e.Modifiers {
		add(s.Modifiers[index].When)
	}
	return found
}

func callOf(line *ProviderLine, id string, context ...cost.Fact) *cost.Call {
	usage := []cost.Amount{{Meter: "input_tokens", Quantity: cost.Whole(9_000)}, {Meter: "output_tokens", Quantity: cost.Whole(9_000)}}
	return &cost.Call{Provider: line.name, Model: id, AtNs: 1 << 62, Usage: usage, Context: context}
}

func TestAFactWithoutADefaultThatIsNotReportedIsNeverPriced(t *testing.T) {
	pricer, seen := NewPricer(embedded(t)), 0
	everyEntry(t, func(line *ProviderLine, id string, e *entry, found *Match) {
		for _, assumed := range e.Assumes {
			names := strings.Split(assumed, "|")
			if assumed == splitFact || slices.ContainsFunc(names, func(name string) bool { return found.reported[name] }) {
				continue
			}
			seen++
			if result := pricer.Price(callOf(line, id)); result.Status == cost.Priced {
				t.Errorf("%s/%s: found priced without %s", line.name, id, names[0])
			}
		}
	})
	if seen < 150 {
		t.Fatalf("found %d entries that assume a fact; expected more", seen)
	}
}

func TestAValueWithoutARateIsNeverPriced(t *testing.T) {
	card := embedded(t)
	pricer, seen := NewPricer(card), 0
	everyEntry(t, func(line *ProviderLine, id string, e *entry, found *Match) {
		for _, fact := range card.Facts.mustBePriced {
			for spelling, value := range card.Facts.words[fact] {
				if spelling == "*" {
					spelling = "nowhere-1"
				}
				if value == itself {
					value = spelling
				}
				isOther := spelling == "" || value == standardFact || strings.Contains(value, ":")
				if isOther || e.isBase(fact, value) || found.isReportedInstead(e.Assumes, fact) || slices.Contains(line.ratedValues(e, fact), value) {
					continue
				}
				seen++
				if result := pricer.Price(callOf(line, id, cost.Fact{Dimension: fact, Value: spelling})); result.Status == cost.Priced {
					t.Errorf("%s/%s: found priced at %s %s", line.name, id, fact, spelling)
				}
			}
		}
	})
	if seen < 10_000 {
		t.Fatalf("found %d values without a rate; expected more", seen)
	}
}
