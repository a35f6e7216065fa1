// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strings"
	"testing"
)

// everyEntry calls with each entry of the embedded card that its own name finds, and what the card says of a call of it.
func everyEntry(t *testing.T, visit func(line *provider, id string, e *entry, found *matched)) {
	t.Helper()
	card := embedded(t)
	for name := range card.lines {
		line, err := card.provider(name)
		if err != nil {
			t.Fatal(err)
		}
		for id, e := range line.Models {
			found, _ := card.match(&Call{Provider: name, Model: id}, nil)
			if found != nil && found.spans[len(found.spans)-1].entry == id {
				visit(line, id, e, found)
			}
		}
	}
}

// ratedValues are the values of a fact that an entry has a table or a factor for.
func (s *provider) ratedValues(e *entry, fact string) []string {
	var found []string
	add := func(when map[string]string) {
		if value, named := when[fact]; named {
			found = append(found, value)
		}
	}
	for n := range e.Eras {
		for k := range e.Eras[n].Variants {
			add(e.Eras[n].Variants[k].When)
		}
	}
	for _, index := range e.Modifiers {
		add(s.Modifiers[index].When)
	}
	return found
}

func callOf(line *provider, id string, context ...Fact) *Call {
	usage := []Amount{{Meter: "input_tokens", Quantity: Whole(9_000)}, {Meter: "output_tokens", Quantity: Whole(9_000)}}
	return &Call{Provider: line.name, Model: id, AtNs: 1 << 62, Usage: usage, Context: context}
}

func TestAFactWithoutADefaultThatIsNotReportedIsNeverPriced(t *testing.T) {
	pricer, seen := NewPricer(embedded(t)), 0
	everyEntry(t, func(line *provider, id string, e *entry, found *matched) {
		for _, assumed := range e.Assumes {
			names := strings.Split(assumed, "|")
			if assumed == splitFact || slices.ContainsFunc(names, func(name string) bool { return found.reported[name] }) {
				continue
			}
			seen++
			if cost := pricer.Price(callOf(line, id)); cost.Status == Priced {
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
	everyEntry(t, func(line *provider, id string, e *entry, found *matched) {
		for _, fact := range card.facts.mustBePriced {
			for spelling, value := range card.facts.words[fact] {
				if spelling == "*" {
					spelling = "nowhere-1"
				}
				if value == itself {
					value = spelling
				}
				isOther := spelling == "" || value == standardFact || strings.Contains(value, ":")
				if isOther || e.isBase(fact, value) || found.isToldInstead(e.Assumes, fact) || slices.Contains(line.ratedValues(e, fact), value) {
					continue
				}
				seen++
				if cost := pricer.Price(callOf(line, id, Fact{fact, spelling})); cost.Status == Priced {
					t.Errorf("%s/%s: found priced at %s %s", line.name, id, fact, spelling)
				}
			}
		}
	})
	if seen < 10_000 {
		t.Fatalf("found %d values without a rate; expected more", seen)
	}
}
