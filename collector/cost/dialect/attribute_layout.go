// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// categorical has a bit for each field whose value decides what a reading states beside amounts, times and the response id.
const categorical = (1<<(fieldSearchContext+1) - 1) &^ (1<<figureCount - 1) &^ (1 << fieldResponseID)

var nameSeed = maphash.MakeSeed()

// Layout is the ordered keys of spans of one scope, what is read under each, and which rules may match.
type Layout struct {
	scope, version, language string
	keys                     []string
	program                  *program
	uses                     []use
	present                  keySet
	// rules are those that these keys do not rule out; isNamed: some ask for the span's name.
	rules   []*rule
	isNamed bool
}

// use is an attribute that something is read from.
type use struct {
	place int
	of    *keyUse
}

// Resolution is what spans of one layout share that agree in every categorical value.
type Resolution struct {
	reported, conditions uint64
	values               []document.Value
	name                 string
	resolved             resolved
	// plain is nil where the span that it was made for is not plain.
	plain []plainUse
}

// LayoutOf returns the layout of a span, nil when the span does not report a model call.
func (d *Dialects) LayoutOf(span *cost.Span) *Layout {
	if !slices.ContainsFunc(span.Attributes, func(a cost.Attribute) bool { return d.markers.has(a.Key) }) {
		return nil
	}
	l := &Layout{
		scope: strings.Clone(span.ScopeName), version: strings.Clone(span.ScopeVersion), language: strings.Clone(span.Language),
		program: d.program(span),
	}
	for place := range span.Attributes {
		key := strings.Clone(span.Attributes[place].Key)
		l.keys = append(l.keys, key)
		if found := l.program.keys[key]; found != nil {
			l.uses = append(l.uses, use{place, found})
			if found.asked >= 0 {
				l.present.add(found.asked)
			}
		}
	}
	for n := range l.program.rules {
		if r := &l.program.rules[n]; l.present.contains(&r.has) && !l.present.meets(&r.without) {
			l.rules = append(l.rules, r)
			l.isNamed = l.isNamed || len(r.names) > 0
		}
	}
	return l
}

// Matches reports whether a span has this layout.
func (l *Layout) Matches(span *cost.Span) bool {
	if len(l.keys) != len(span.Attributes) || l.scope != span.ScopeName || l.version != span.ScopeVersion || l.language != span.Language {
		return false
	}
	for n := range l.keys {
		if l.keys[n] != span.Attributes[n].Key {
			return false
		}
	}
	return true
}

// Fetch gathers the values of a span into a reader and returns a number that is equal for equal categorical values.
func (l *Layout) Fetch(span *cost.Span, r *Reader) (key uint64) {
	r.values.reported, r.values.present = 0, l.present
	for _, use := range l.uses {
		l.program.take(use.of, &span.Attributes[use.place].Value, &r.values)
	}
	l.program.fillIn(span.Attributes, &r.values)
	r.conditions = l.conditions(span, &r.values)
	key = r.values.reported ^ r.conditions<<32
	for left := r.values.reported & categorical; left != 0; left &= left - 1 {
		key = (key ^ r.values.of[bits.TrailingZeros64(left)].Hash()) * 0x9e3779b97f4a7c15
	}
	if l.isNamed {
		key ^= maphash.String(nameSeed, span.Name)
	}
	return key
}

// conditions has a bit for each rule whose conditions about values hold. A dialect has no more rules than bits.
func (l *Layout) conditions(span *cost.Span, found *values) (all uint64) {
	for _, r := range l.rules {
		all <<= 1
		if r.holds(span.Attributes, found) {
			all |= 1
		}
	}
	return all
}

// Resolve returns what is shared by spans like the one fetched last, with its own copies of texts, and applies it.
func (l *Layout) Resolve(span *cost.Span, r *Reader) *Resolution {
	found := &Resolution{reported: r.values.reported, conditions: r.conditions}
	for left := r.values.reported & categorical; left != 0; left &= left - 1 {
		found.values = append(found.values, r.values.of[bits.TrailingZeros64(left)].Owned())
	}
	if l.isNamed {
		found.name = strings.Clone(span.Name)
	}
	found.resolved = l.program.resolve(span, &r.values, r).owned()
	found.plain = l.plainUses(span, found.reported, r, found.resolved.rules)
	return found
}

// Apply remaps the values of the span fetched last by its resolution; false, and nothing is done, when it has another one.
func (l *Layout) Apply(found *Resolution, span *cost.Span, r *Reader) bool {
	if found.reported != r.values.reported || found.conditions != r.conditions || (l.isNamed && found.name != span.Name) {
		return false
	}
	n := 0
	for left := found.reported & categorical; left != 0; left &= left - 1 {
		if !document.Same(&found.values[n], &r.values.of[bits.TrailingZeros64(left)]) {
			return false
		}
		n++
	}
	l.program.remap(&found.resolved, &r.values)
	return true
}

// Finish puts a span's amounts, id and times and what it shares with others into a reading; false when it reports nothing
// about a model call.
func (l *Layout) Finish(found *Resolution, span *cost.Span, r *Reader, into *cost.Reading) bool {
	return l.program.finish(span, &found.resolved, r, into)
}
