// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"slices"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// plainUse is what is done with one attribute of a plain span: one that differs from the span of a resolution in whole amounts
// and the response id only. Its value is compared, or is an amount of a field, or is the id.
type plainUse struct {
	place int
	as    plainRole
	// field is what an amount or an id is of after the rules, noField where another attribute goes before it or a rule drops it.
	field int
	value document.Value
	// bounds are those that rules ask an amount for.
	bounds []plainBound
}

// plainBound is a least amount that a rule asks for, and whether it holds.
type plainBound struct {
	least float64
	holds bool
}

type plainRole uint8

const (
	isSame plainRole = iota
	isAmount
	isID
)

const noField = -1

// roleOf is what an attribute of a field has to be in a plain span.
func roleOf(field int) plainRole {
	switch {
	case field == fieldResponseID:
		return isID
	case isFigure(field):
		return isAmount
	}
	return isSame
}

// plainUses returns what is done with the attributes of plain spans; nil where the span fetched last is not plain. reported has
// a bit for each field that it reports, before the rules.
func (l *Layout) plainUses(span *cost.Span, reported uint64, r *Reader, rules []int) []plainUse {
	if !l.mayBePlain() {
		return nil
	}
	means := l.program.meansOf(reported, rules)
	var found []plainUse
	for _, place := range l.comparedPlaces() {
		found = append(found, plainUse{place: place, value: span.Attributes[place].Value.Owned()})
	}
	for _, use := range l.uses {
		if len(use.of.encoded) > 0 {
			return nil
		}
		value := &span.Attributes[use.place].Value
		if !use.of.hasField {
			continue
		}
		field := int(use.of.field)
		made := plainUse{place: use.place, field: noField}
		isFirst := reported>>field&1 == 1 && l.first(field, &r.values) == use.place
		if isFirst {
			made.field = means[field]
		}
		switch {
		case field == fieldResponseID && l.countOf(field) == 1 && l.program.isText(value):
			made.as = isID
		case isFigure(field) && isPlainAmount(value):
			made.as = isAmount
			if isFirst {
				made.bounds = l.boundsOf(field, value)
			}
		case categorical>>field&1 == 1:
			made.value = value.Owned()
		default:
			return nil
		}
		if made.field != noField && made.as != roleOf(made.field) {
			return nil
		}
		found = append(found, made)
	}
	return found
}

// mayBePlain reports whether no rule asks for the size of anything but an amount, and no attribute holds a provider's answer.
func (l *Layout) mayBePlain() bool {
	isOther := func(bound least) bool { return !isFigure(bound.field) }
	asksForOther := func(r *rule) bool { return slices.ContainsFunc(r.atLeast, isOther) }
	isHeld := func(r response) bool { return slices.Contains(l.keys, r.attribute) }
	return !slices.ContainsFunc(l.rules, asksForOther) && !slices.ContainsFunc(l.program.responses, isHeld)
}

// boundsOf returns the bounds that rules set for an amount of a field.
func (l *Layout) boundsOf(field int, value *document.Value) (bounds []plainBound) {
	amount, _ := value.Int()
	for _, r := range l.rules {
		for _, bound := range r.atLeast {
			if bound.field == field {
				bounds = append(bounds, plainBound{bound.number, float64(amount) >= bound.number})
			}
		}
	}
	return bounds
}

// comparedPlaces are those of the attributes that rules ask for the values of.
func (l *Layout) comparedPlaces() (places []int) {
	for place, key := range l.keys {
		asks := func(r *rule) bool {
			isOf := func(p pattern) bool { return p.key == key }
			return slices.ContainsFunc(r.equals, func(e equal) bool { return e.key == key }) ||
				slices.ContainsFunc(r.like, isOf) || slices.ContainsFunc(r.unlike, isOf)
		}
		if slices.ContainsFunc(l.rules, asks) {
			places = append(places, place)
		}
	}
	return places
}

// first returns the place of the attribute that a field was taken from.
func (l *Layout) first(field int, values *values) int {
	for _, use := range l.uses {
		if use.of.hasField && int(use.of.field) == field && use.of.rank == values.ranks[field] {
			return use.place
		}
	}
	return noField
}

func (l *Layout) countOf(field int) (count int) {
	for _, use := range l.uses {
		if use.of.hasField && int(use.of.field) == field {
			count++
		}
	}
	return count
}

// meansOf returns what each reported field is after the rules that match, noField for one that they drop.
func (p *program) meansOf(reported uint64, rules []int) (means [fieldCount]int) {
	var of [fieldCount]int
	for field := range of {
		of[field], means[field] = noField, noField
		if reported>>field&1 == 1 {
			of[field] = field
		}
	}
	for _, n := range rules {
		for _, field := range p.rules[n].drop {
			of[field] = noField
		}
		for _, renamed := range p.rules[n].rename {
			if from, to := renamed[0], renamed[1]; of[from] != noField {
				of[to], of[from] = of[from], noField
			}
		}
	}
	for field, from := range of {
		if from != noField {
			means[from] = field
		}
	}
	return means
}

func (p *program) isText(value *document.Value) bool {
	text, isText := value.Text()
	return isText && text != "" && !slices.Contains(p.row.EmptyValues, text)
}

func isPlainAmount(value *document.Value) bool {
	n, isWhole := value.Int()
	return isWhole && n >= 0 && n < maxCount
}

// holds reports whether a value is an amount on the same side of every bound.
func (u *plainUse) holds(value *document.Value) bool {
	amount, _ := value.Int()
	for _, bound := range u.bounds {
		if float64(amount) >= bound.least != bound.holds {
			return false
		}
	}
	return isPlainAmount(value)
}

// IsPlain reports whether spans can be read by ReadPlain.
func (r *Resolution) IsPlain() bool { return r.plain != nil }

// ReadPlain puts what a span with this layout reports into a reading, when it is plain by a resolution: isPlain is false, and
// nothing is done, when it is not. It gives what Fetch, Apply and Finish give.
func (l *Layout) ReadPlain(found *Resolution, span *cost.Span, r *Reader, into *cost.Reading) (isPlain, isReported bool) {
	if found.plain == nil || l.isNamed && found.name != span.Name {
		return false, false
	}
	r.figures.known, r.figures.parts = 0, nil
	id := ""
	for n := range found.plain {
		use := &found.plain[n]
		value := &span.Attributes[use.place].Value
		switch use.as {
		case isSame:
			if !document.Same(&use.value, value) {
				return false, false
			}
		case isAmount:
			if !use.holds(value) {
				return false, false
			}
			if use.field != noField {
				amount, _ := value.Int()
				r.figures.set(use.field, amount)
			}
		case isID:
			if !l.program.isText(value) {
				return false, false
			}
			if use.field == fieldResponseID {
				id = textOf(*value)
			}
		}
	}
	made := &found.resolved
	if made.isIgnored {
		return true, false
	}
	*into = made.reading
	into.ResponseID, into.Usage = id, r.usage[:0]
	return true, l.program.settle(into, &r.figures, made.isNamed, false, false)
}

// IsReadAsItStands reports whether a text is read as it is written: no list or quoted text, which are read for what is inside.
func IsReadAsItStands(text string) bool {
	return text == "" || text[0] != '"' && text[0] != '[' && text[0] != '\''
}
