// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

const nowhere = -1

var nameSeed = maphash.MakeSeed()

// layout is the keys of a span in order, and what is to be looked at under each.
type layout struct {
	scope, version, language string
	keys                     []string
	program                  *program
	// isHard: something beneath these keys is more than a word or a whole number.
	isHard bool
	// words are places whose values must be the same, figures those of whole numbers, told those that hold anything, blanks
	// those that hold nothing; answer is that of the response id.
	words, figures, told, blanks []int
	answer                       int
	// of is the place that tells a field.
	of      [fieldCount]int
	bounds  []bound
	byName  bool
	moulds  map[uint64]*mould
	outcome uint64
}

// bound is a figure that a rule compares with a number.
type bound struct {
	place  int
	number float64
}

func (l *layout) matches(span *Span) bool {
	if len(l.keys) != len(span.Attributes) || l.scope != span.ScopeName || l.version != span.ScopeVersion ||
		l.language != span.Language {
		return false
	}
	for n := range l.keys {
		if l.keys[n] != span.Attributes[n].Key {
			return false
		}
	}
	return true
}

func newLayout(p *program, span *Span) *layout {
	l := &layout{
		scope: strings.Clone(span.ScopeName), version: strings.Clone(span.ScopeVersion), program: p, answer: nowhere,
		language: strings.Clone(span.Language), moulds: map[uint64]*mould{}, isHard: len(p.row.Blanks) > 0,
	}
	for n := range l.of {
		l.of[n] = nowhere
	}
	var ranks [fieldCount]uint8
	for place := range span.Attributes {
		key := span.Attributes[place].Key
		l.keys = append(l.keys, strings.Clone(key))
		l.isHard = l.isHard || slices.ContainsFunc(p.responses, func(r response) bool { return r.attribute == key })
		use := p.keys[key]
		if use == nil || !use.hasField {
			l.isHard = l.isHard || (use != nil && len(use.encoded) > 0)
			continue
		}
		l.isHard = l.isHard || len(use.encoded) > 0
		if isBlank(&span.Attributes[place].Value) {
			l.blanks = append(l.blanks, place)
		} else if field := use.field; l.of[field] == nowhere || use.rank < ranks[field] {
			l.of[field], ranks[field] = place, use.rank
		}
	}
	l.sort(p, span)
	return l
}

// sort tells places of figures from those of words.
func (l *layout) sort(p *program, span *Span) {
	var asked []string
	for n := range p.rules {
		r := &p.rules[n]
		l.byName = l.byName || len(r.names) > 0
		for _, equal := range r.equals {
			asked = append(asked, equal.key)
		}
		for _, texts := range [][]pattern{r.like, r.unlike} {
			for _, of := range texts {
				asked = append(asked, of.key)
			}
		}
		for _, least := range r.atLeast {
			if place := l.of[least.field]; place != nowhere {
				l.bounds = append(l.bounds, bound{place, least.number})
			}
		}
	}
	for field, place := range l.of {
		switch {
		case place == nowhere:
		case slices.Contains(asked, l.keys[place]):
			l.isHard = l.isHard || isFigure(field) || field == fieldResponseID
		case field == fieldResponseID:
			l.answer = place
			continue
		case field < figureCount || (field >= fieldOther && p.fields.divisible>>field&1 == 0):
			l.figures = append(l.figures, place)
			continue
		case field == fieldReportedCost:
			// Nobody reads it but rules that ask whether it is told.
			l.told = append(l.told, place)
			continue
		case field >= fieldBilledCost:
			l.isHard = true
		}
		if place != nowhere {
			l.words = append(l.words, place)
		}
	}
	for place, key := range l.keys {
		if slices.Contains(asked, key) && !slices.Contains(l.words, place) {
			l.words = append(l.words, place)
		}
	}
	const mostBounds = 64
	l.isHard = l.isHard || len(l.bounds) > mostBounds
}

// key returns what the mould of a span is found by; false when a figure is none, a word is blank, so that another key may
// tell its field, or what was blank no longer is.
func (l *layout) key(span *Span) (key uint64, fits bool) {
	for _, place := range l.words {
		value := &span.Attributes[place].Value
		if isBlank(value) {
			return 0, false
		}
		key = (key ^ value.Hash()) * 0x9e3779b97f4a7c15
	}
	for _, place := range l.figures {
		if n, whole := span.Attributes[place].Value.Int(); !whole || n < 0 || n >= maxCount {
			return 0, false
		}
	}
	for _, place := range l.told {
		if isBlank(&span.Attributes[place].Value) {
			return 0, false
		}
	}
	for _, place := range l.blanks {
		if !isBlank(&span.Attributes[place].Value) {
			return 0, false
		}
	}
	if l.answer != nowhere {
		if text, _ := span.Attributes[l.answer].Value.Text(); text == "" {
			return 0, false
		}
	}
	l.outcome = 0
	for n, bound := range l.bounds {
		if whole, _ := span.Attributes[bound.place].Value.Int(); float64(whole) >= bound.number {
			l.outcome |= 1 << n
		}
	}
	if l.byName {
		key ^= maphash.String(nameSeed, span.Name)
	}
	return key + l.outcome, true
}

// isBlank tells whether a value tells no field.
func isBlank(value *document.Value) bool {
	text, isText := value.Text()
	return value.IsNull() || (isText && text == "")
}
