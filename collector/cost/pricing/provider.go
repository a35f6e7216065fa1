// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"encoding/json"
	"fmt"
)

// ProviderLine is one provider's line of a card.
type ProviderLine struct {
	name               string
	Models             map[string]*entry   `json:"models"`
	Modifiers          []Modifier          `json:"modifiers"`
	Names              map[string]nameSpan `json:"names"`
	RequestModelPrices *int                `json:"request_model_prices"`
	// Estimates are meters that the rate of a total bills only as an estimate, whatever the units state.
	Estimates []string `json:"estimates"`
	// Facts are those that prices of the provider depend on; what they state is for people.
	Facts map[string]json.RawMessage `json:"facts"`
}

type entry struct {
	Periods   []PeriodRow `json:"eras"`
	Modifiers []int       `json:"modifiers"`
	// Assumes are facts without a documented default, each with those that report enough in its place (`a|b`).
	Assumes []string `json:"assumes"`
	// BaseFor are values of facts for which the entry's own rates hold; `*` is every value.
	BaseFor map[string][]string `json:"base_for"`
}

type Modifier struct {
	ID   string            `json:"id"`
	When map[string]string `json:"when"`
	X    [2]int64          `json:"x"`
}

type PeriodRow struct {
	PriceTable
	From     *int64           `json:"from"`
	Minimum  map[string]int64 `json:"minimum"`
	Maximum  map[string]int64 `json:"maximum"`
	Assumes  []string         `json:"assumes"`
	Variants []variantRow     `json:"variants"`
	Windows  []windowRow      `json:"windows"`
}

type PriceTable struct {
	Rates map[string]Rate `json:"rates"`
	Steps []StepRow       `json:"steps"`
	// agreed are the meters whose rates are a contract's; the card has none.
	agreed map[string]bool
}

type variantRow struct {
	PriceTable
	When map[string]string `json:"when"`
}

type windowRow struct {
	ID      string     `json:"id"`
	Days    int64      `json:"days"`
	Minutes [][2]int64 `json:"minutes"`
	Except  *string    `json:"except"`
	// Rates of the window hold instead of the base's; X multiplies all. Either may be missing.
	Rates map[string]Rate `json:"rates"`
	X     *[2]int64       `json:"x"`
}

func (w *windowRow) factor() Rate {
	if w.X == nil {
		return Rate{Num: 1, Den: 1}
	}
	return Rate{Num: w.X[0], Den: w.X[1]}
}

type StepRow struct {
	From  int64           `json:"from"`
	Meter string          `json:"meter"`
	Rates map[string]Rate `json:"rates"`
	// Agreed are the meters whose rates are a contract's; the card has none.
	Agreed map[string]bool
}

// nameSpan is what a name stands for: one entry, or entries from instants on.
type nameSpan []nameFrom

type nameFrom struct {
	from  *int64
	Entry string
}

// UnmarshalJSON reads an entry's id, or a list of [seconds or null, entry id].
func (s *nameSpan) UnmarshalJSON(data []byte) error {
	var id string
	if json.Unmarshal(data, &id) == nil {
		*s = nameSpan{{nil, id}}
		return nil
	}
	var rows [][2]json.RawMessage
	if err := json.Unmarshal(data, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		var from nameFrom
		if err := json.Unmarshal(row[0], &from.from); err != nil {
			return err
		}
		if err := json.Unmarshal(row[1], &from.Entry); err != nil {
			return err
		}
		*s = append(*s, from)
	}
	return nil
}

func (s *ProviderLine) check(where string, card *RateCard) error {
	for name, spans := range s.Names {
		for _, span := range spans {
			if s.Models[span.Entry] == nil {
				return &CardError{where + ", name " + name, "entry " + span.Entry, "one of its models"}
			}
		}
	}
	for _, m := range s.Modifiers {
		if m.X[1] <= 0 || m.X[0] < 0 {
			return &CardError{where + ", modifier " + m.ID, fmt.Sprint(m.X), "a fraction that is not negative"}
		}
	}
	for id, e := range s.Models {
		at := where + ", model " + id
		for _, index := range e.Modifiers {
			if index < 0 || index >= len(s.Modifiers) {
				return &CardError{at, fmt.Sprint("modifier ", index), "one of the provider's"}
			}
		}
		for n := range e.Periods {
			if err := e.Periods[n].check(at, card); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *PeriodRow) check(where string, card *RateCard) error {
	tables := []PriceTable{e.PriceTable}
	for _, variant := range e.Variants {
		tables = append(tables, variant.PriceTable)
	}
	for _, window := range e.Windows {
		if window.Except != nil && card.calendars[*window.Except] == nil {
			return &CardError{where, "calendar " + *window.Except, "one of the card's"}
		}
		tables = append(tables, PriceTable{Rates: window.Rates})
		if factor := window.factor(); factor.Den <= 0 || factor.Num < 0 {
			return &CardError{where, "window " + window.ID, "a fraction that is not negative"}
		}
	}
	for _, table := range tables {
		for name := range table.Rates {
			if _, known := card.Units.ByName[name]; !known {
				return &CardError{where, "meter " + name, "one of the card's"}
			}
		}
		for _, step := range table.Steps {
			for name := range step.Rates {
				if _, known := card.Units.ByName[name]; !known {
					return &CardError{where, "meter " + name, "one of the card's"}
				}
			}
		}
	}
	return nil
}
