// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

// A span that looks like one read before is read the short way: same scope, same keys in the same order, same words, and
// other numbers. Its figures are put into the reading that the first one got. The short way gives what the full way gives,
// or leaves the span to it; TestTheShortWayIsTheFullWay holds this. Whatever a reading comes to depend on must be a word of
// its mould, or make its layout hard.

const (
	layoutsKept = 256
	mouldsKept  = 256
)

// familiar is what a ledger has read lately, by layout. It is not safe for use by several goroutines.
type familiar struct {
	dialects *Dialects
	layouts  map[uint64]*layout
}

// mould is a reading without its figures.
type mould struct {
	words   []document.Value
	name    string
	outcome uint64
	figures []placed
	isNamed bool
	// answers: the response id is that of the layout.
	answers bool
	reading Reading
	// offer is what a pricer without a contract offers the call.
	offer *offer
}

type placed struct{ place, field int }

// read puts what a span says about a model call into a reading, as Dialects.Read does.
func (f *familiar) read(span *Span, into *Reading) bool {
	known := f.layout(span)
	if known == nil || known.isHard {
		return f.dialects.Read(span, into)
	}
	key, fits := known.key(span)
	if !fits {
		return f.dialects.Read(span, into)
	}
	if held := known.moulds[key]; held != nil && held.fits(known, span) {
		return held.cast(known, span, into)
	}
	told := known.program.read(span, into)
	if held := newMould(known, span, into, told); held != nil {
		if len(known.moulds) >= mouldsKept {
			clear(known.moulds)
		}
		known.moulds[key] = held
	}
	return told
}

// layout returns the layout of a span, nil when the span does not speak of a model call.
func (f *familiar) layout(span *Span) *layout {
	shape := uint64(len(span.ScopeName)<<8 + len(span.ScopeVersion))
	for n := range span.Attributes {
		if key := span.Attributes[n].Key; key != "" {
			shape = shape*31 + uint64(len(key))<<8 + uint64(key[len(key)-1])
		}
	}
	if known := f.layouts[shape]; known != nil && known.matches(span) {
		return known
	}
	for n := range span.Attributes {
		if f.dialects.markers.has(span.Attributes[n].Key) {
			if f.layouts == nil || len(f.layouts) >= layoutsKept {
				f.layouts = map[uint64]*layout{}
			}
			f.layouts[shape] = newLayout(f.dialects.program(span), span)
			return f.layouts[shape]
		}
	}
	return nil
}

// newMould returns the mould of a reading that the full way made; nil when it depends on more than words and figures.
func newMould(l *layout, span *Span, made *Reading, told bool) *mould {
	if !told {
		// Whether it says nothing can depend on its figures.
		return nil
	}
	m := &mould{outcome: l.outcome, isNamed: made.scratch.isNamed, answers: l.answer != nowhere}
	for _, place := range l.words {
		m.words = append(m.words, span.Attributes[place].Value.Owned())
	}
	if l.byName {
		m.name = strings.Clone(span.Name)
	}
	of := l.of
	for _, n := range made.scratch.applied {
		if !remapPlaces(&l.program.rules[n], &of) {
			return nil
		}
	}
	for field, place := range of {
		if place != nowhere && slices.Contains(l.figures, place) {
			m.figures = append(m.figures, placed{place, field})
		}
	}
	m.reading = made.owned()
	return m
}

// bendPlaces drops and renames fields as a rule says; false when it makes a figure of a word, or a word of a figure.
func remapPlaces(r *rule, of *[fieldCount]int) bool {
	for _, field := range r.drop {
		if !isFigure(field) {
			return false
		}
		of[field] = nowhere
	}
	for _, means := range r.means {
		from, to := means[0], means[1]
		if !isFigure(from) || !isFigure(to) {
			return false
		}
		if of[from] != nowhere {
			of[from], of[to] = nowhere, of[from]
		}
	}
	return true
}

func isFigure(field int) bool { return field < figureCount || field >= fieldOther }

// owned returns a reading without its figures, with its own copies of texts.
func (r *Reading) owned() Reading {
	found := *r
	found.scratch, found.Usage = nil, nil
	found.Input, found.CacheRead, found.CacheWrite, found.Output, found.Reasoning = Count{}, Count{}, Count{}, Count{}, Count{}
	found.Doubt = r.scratch.ruled
	for _, text := range []*string{
		&found.Operation, &found.Provider, &found.Model, &found.RequestModel, &found.ResponseID, &found.FinishReason,
		&found.ServiceTier, &found.Processing,
	} {
		*text = strings.Clone(*text)
	}
	found.Context = make([]Fact, len(r.Context))
	for n, fact := range r.Context {
		found.Context[n] = Fact{fact.Dimension, strings.Clone(fact.Value)}
	}
	return found
}

func (m *mould) fits(l *layout, span *Span) bool {
	if m.outcome != l.outcome || (l.byName && m.name != span.Name) {
		return false
	}
	for n, place := range l.words {
		if !document.Same(&m.words[n], &span.Attributes[place].Value) {
			return false
		}
	}
	return true
}

// cast puts the figures of a span into a copy of the reading.
func (m *mould) cast(l *layout, span *Span, into *Reading) bool {
	room := into.scratch
	if room == nil {
		room = &scratch{}
	}
	*into = m.reading
	into.scratch, into.mould = room, m
	figures := &room.figures
	figures.known, figures.parts = 0, nil
	for _, at := range m.figures {
		n, _ := span.Attributes[at.place].Value.Int()
		figures.set(at.field, n)
	}
	into.reported = document.Value{}
	if place := l.of[fieldReportedCost]; place != nowhere {
		into.reported = span.Attributes[place].Value
	}
	if m.answers {
		into.ResponseID, _ = span.Attributes[l.answer].Value.Text()
	}
	return l.program.settle(into, m.isNamed, false, false)
}
