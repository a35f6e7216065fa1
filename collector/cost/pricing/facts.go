// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"regexp"
	"sort"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

const (
	standardFact = "standard"
	unknownFact  = "unknown"
	// itself is the word for a fact whose spelling is its value.
	itself = "="
)

// factWords are the spellings of facts, and what a host name states. places are the facts that state where a call ran.
type factWords struct {
	words        map[string]map[string]string
	hosts        []hostFacts
	mustBePriced []string
	places       []string
}

// hostFacts is what a host states; silentOn are facts that its answers do not report, whatever they state.
type hostFacts struct {
	match    *regexp.Regexp
	facts    map[string]string
	silentOn []string
}

// callFacts are the facts of one call: in the card's words without the usual ones, all that were reported, the usual ones
// too, and those that the host is known not to report.
type callFacts struct {
	Words    map[string]string
	reported map[string]bool
	silentOn []string
}

func newFactWords(table *nameTable) (*factWords, error) {
	f := &factWords{words: table.Facts, mustBePriced: table.MustBePriced, places: table.Places}
	if f.places == nil {
		// Those of cards that do not name them.
		f.places = []string{"endpoint", "deployment_type"}
	}
	for _, row := range table.HostRules {
		match, err := fromStart(row.Match)
		if err != nil {
			return nil, err
		}
		f.hosts = append(f.hosts, hostFacts{match, row.Facts, row.SilentOn})
	}
	return f, nil
}

// Knows reports whether the card has words for a fact.
func (f *factWords) Knows(dimension string) bool { return f.words[dimension] != nil }

// Of returns the facts stated in the card's words; standard ones and dimensions that no card knows are left out.
//
// A spelling that is on no list becomes `unknown`, unless the dimension has a word for all others (`*`). A word
// `dimension:value` states another dimension, where nothing else does.
func (f *factWords) Of(stated []cost.Fact) map[string]string {
	facts := map[string]string{}
	for _, fact := range stated {
		words := f.words[fact.Dimension]
		if words == nil {
			continue
		}
		normalized := cost.Normalize(fact.Value)
		word, known := words[normalized]
		if !known {
			if word, known = words["*"]; !known {
				word = unknownFact
			}
		}
		if word == standardFact {
			continue
		}
		if word == itself {
			word = normalized
		}
		if other, value, colon := strings.Cut(word, ":"); colon {
			if _, held := facts[other]; !held {
				facts[other] = value
			}
		} else {
			facts[fact.Dimension] = word
		}
	}
	return facts
}

// reported adds the facts that are stated with any value, the usual one included.
func (f *factWords) reported(stated []cost.Fact, into map[string]bool) {
	for _, fact := range stated {
		if f.words[fact.Dimension] != nil && !cost.IsBlank(fact.Value) {
			into[fact.Dimension] = true
		}
	}
}

// atHost returns what the host that answered states, as written there, and on what it is silent.
func (f *factWords) atHost(serverAddress string) ([]cost.Fact, []string) {
	host := HostOf(serverAddress)
	for _, rule := range f.hosts {
		groups := rule.match.FindStringSubmatch(host)
		if groups == nil {
			continue
		}
		return filled(rule.facts, groups), rule.silentOn
	}
	return nil, nil
}

func filled(facts map[string]string, groups []string) []cost.Fact {
	found := SortedFacts(facts)
	for n := range found {
		found[n].Value = fill(found[n].Value, groups)
	}
	return found
}

func SortedFacts(facts map[string]string) []cost.Fact {
	found := make([]cost.Fact, 0, len(facts))
	for key, value := range facts {
		found = append(found, cost.Fact{Dimension: key, Value: value})
	}
	sort.Slice(found, func(a, b int) bool { return found[a].Dimension < found[b].Dimension })
	return found
}

// MergeFacts returns facts with later ones in the place of earlier ones of the same dimension.
func MergeFacts(layers ...[]cost.Fact) []cost.Fact {
	var found []cost.Fact
	for _, layer := range layers {
	next:
		for _, fact := range layer {
			for n := range found {
				if found[n].Dimension == fact.Dimension {
					found[n].Value = fact.Value
					continue next
				}
			}
			found = append(found, fact)
		}
	}
	return found
}
