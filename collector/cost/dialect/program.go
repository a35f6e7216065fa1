// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

const (
	rankUnset      = 99
	rankLastResort = 50
)

// program is one dialect made ready for one instrumentation scope and version.
type program struct {
	row    *dialectRow
	names  Names
	fields *fieldTable
	rules  []rule
	keys   map[string]*keyUse
	filter keyFilter
	// responses are attributes with a provider's answer, and what to take from it.
	responses []response
	// twoSided are operations that have both an input and an output.
	twoSided []string
	// cachedOutside are providers whose own input leaves the cached part out.
	cachedOutside []string
	// statedCosts are operations whose spans may state a cost of their own and no usage.
	statedCosts []string
	// defaultProvider sells where no key reports who does.
	defaultProvider string
}

type response struct {
	attribute string
	places    []innerField
}

// keyUse is what one attribute key is read for: a field, fields inside its encoded value, a question of a rule.
type keyUse struct {
	hasField    bool
	field, rank uint8
	asked       int
	encoded     []innerField
}

type innerField struct {
	path        []string
	field, rank uint8
}

func newProgram(row *dialectRow, of programKey, dialects *Dialects) *program {
	p := &program{
		row: row, names: dialects.names, fields: dialects.fields, keys: map[string]*keyUse{}, twoSided: dialects.twoSided,
		cachedOutside: dialects.cachedOutside, statedCosts: dialects.statedCosts, defaultProvider: dialects.defaultProvider(row, of.scope),
	}
	p.enter(row.Keys)
	if dialects.readResponses {
		p.enterResponses(row.Responses)
	}
	asked := 0
	set := func(keys []string) (found keySet) {
		for _, key := range keys {
			use := p.use(key)
			if use.asked < 0 {
				use.asked = asked
				asked++
			}
			found.add(use.asked)
		}
		return found
	}
	for n := range row.Rules {
		r := &row.Rules[n]
		if len(r.When.Scope) > 0 && !nameMatches(r.When.Scope, of.scope) {
			continue
		}
		if r.When.Versions != "" && !versionWithin(of.version, r.When.Versions) {
			continue
		}
		if len(r.When.Language) > 0 && !slices.Contains(r.When.Language, of.language) {
			continue
		}
		p.rules = append(p.rules, p.ruleOf(r, set))
	}
	return p
}

func (p *program) use(key string) *keyUse {
	found := p.keys[key]
	if found == nil {
		found = &keyUse{asked: -1}
		p.keys[key] = found
		p.filter.add(key)
	}
	return found
}

func (p *program) enter(layer map[string][]string) {
	for _, field := range sortedKeys(layer) {
		for rank, key := range layer[field] {
			attribute, path, inside := strings.Cut(key, "$")
			use, number := p.use(attribute), uint8(p.fields.number[field])
			if inside {
				use.encoded = append(use.encoded, innerField{strings.Split(path, "."), number, uint8(rank)})
			} else {
				use.hasField, use.field, use.rank = true, number, uint8(rank)
			}
		}
	}
}

func (p *program) enterResponses(layer map[string][]string) {
	for _, field := range sortedKeys(layer) {
		for rank, key := range layer[field] {
			attribute, path, _ := strings.Cut(key, "$")
			n := slices.IndexFunc(p.responses, func(r response) bool { return r.attribute == attribute })
			if n < 0 {
				n = len(p.responses)
				p.responses = append(p.responses, response{attribute: attribute})
			}
			place := innerField{strings.Split(path, "."), uint8(p.fields.number[field]), uint8(rankLastResort + rank)}
			p.responses[n].places = append(p.responses[n].places, place)
		}
	}
}

func (p *program) ruleOf(row *ruleRow, set func([]string) keySet) rule {
	found := rule{
		has: set(row.When.Has), without: set(row.When.Without), providers: row.When.Provider, names: row.When.Name,
		operation: row.Then.Operation, provider: row.Then.Provider, ignore: row.Then.Ignore,
		isCall: row.Then.Kind == "call", isContainer: row.Then.Kind == "container", providerInModel: row.Then.ProviderInModel,
	}
	for _, key := range sortedKeys(row.When.Equals) {
		found.equals = append(found.equals, equal{key, row.When.Equals[key]})
	}
	for _, field := range sortedKeys(row.When.AtLeast) {
		found.atLeast = append(found.atLeast, least{p.fields.number[field], row.When.AtLeast[field]})
	}
	for _, field := range row.When.Missing {
		found.missing |= 1 << p.fields.number[field]
	}
	found.like, found.unlike = patternsOf(row.When.Like), patternsOf(row.When.Unlike)
	for _, field := range sortedKeys(row.Then.StripSuffix) {
		found.cut = append(found.cut, end{p.fields.number[field], row.Then.StripSuffix[field]})
	}
	for _, from := range sortedKeys(row.Then.Rename) {
		found.rename = append(found.rename, [2]int{p.fields.number[from], p.fields.number[row.Then.Rename[from]]})
	}
	for _, field := range row.Then.Drop {
		found.drop = append(found.drop, p.fields.number[field])
	}
	if len(row.Then.Doubt) == 2 {
		found.doubt = cost.Doubt{Status: row.Then.Doubt[0], Reason: row.Then.Doubt[1]}
	}
	return found
}

// values are what a span states, by field; reported has a bit for each that is there.
type values struct {
	reported uint64
	of       [fieldCount]document.Value
	ranks    [fieldCount]uint8
	present  keySet
}

func (v *values) text(field int) string {
	if v.reported>>field&1 == 0 {
		return ""
	}
	return textOf(v.of[field])
}

func (v *values) put(field, rank uint8, value document.Value) {
	if v.reported>>field&1 == 0 || rank < v.ranks[field] {
		v.reported |= 1 << field
		v.of[field], v.ranks[field] = value, rank
		if isFigure(int(field)) {
			v.of[field] = numberOfText(value)
		}
	}
}

// gather finds for each field the value of its first key, in the dialect's order, that the span carries.
func (p *program) gather(attributes cost.Attributes, into *values) {
	for n := range attributes {
		key := attributes[n].Key
		if key == "" || p.filter.shapes[key[0]]>>(len(key)&63)&1 == 0 {
			continue
		}
		use := p.keys[key]
		if use == nil {
			continue
		}
		if use.asked >= 0 {
			into.present.add(use.asked)
		}
		p.take(use, &attributes[n].Value, into)
	}
}

// take takes what is read from the value of one attribute.
func (p *program) take(use *keyUse, value *document.Value, into *values) {
	if use.hasField && !value.IsNull() {
		if text, isText := value.Text(); !isText || (text != "" && !slices.Contains(p.row.EmptyValues, text)) {
			into.put(use.field, use.rank, *value)
		}
	}
	if len(use.encoded) > 0 {
		into.inner(use.encoded, *value)
	}
}

var wholeText = regexp.MustCompile(`^([0-9]{1,18})(?:\.0{1,18})?$`)

// numberOfText returns the whole number that a text writes plainly (1024, 1024.0), any other value as it is.
func numberOfText(value document.Value) document.Value {
	text, isText := value.Text()
	if !isText || text == "" || !isDigit(text[0]) {
		return value
	}
	if found := wholeText.FindStringSubmatch(text); found != nil {
		n, _ := strconv.ParseInt(found[1], 10, 64)
		return document.OfInt(n)
	}
	return value
}

func (v *values) inner(encoded []innerField, value document.Value) {
	text, isText := value.Text()
	if !isText {
		return
	}
	content := decoded(text)
	for _, field := range encoded {
		if found := getPath(content, field.path); !found.IsNull() {
			v.put(field.field, field.rank, found)
		}
	}
}

// essentialFigures are the figures without which nothing is taken from a provider's answer.
const essentialFigures = 1<<fieldToolPrompt - 1

// fillIn puts in the figures that only the usage member of a provider's answer reports; nothing else of it is kept.
func (p *program) fillIn(attributes cost.Attributes, into *values) {
	if into.reported&essentialFigures == 0 && !p.row.ResponsesAlone {
		return
	}
	for _, from := range p.responses {
		text, isText := attributes.Get(from.attribute).Text()
		if !isText || !from.mayReport(text, into) {
			continue
		}
		content := decoded(text)
		for _, place := range from.places {
			if found := getPath(content, place.path); !found.IsNull() {
				into.put(place.field, place.rank, found)
			}
		}
	}
}

// mayReport reports whether an answer holds a word for what is not reported: most answers are distinguished without being parsed.
func (r *response) mayReport(text string, known *values) bool {
	for _, place := range r.places {
		missing := known.reported>>place.field&1 == 0 || place.rank < known.ranks[place.field]
		if missing && strings.Contains(text, place.path[len(place.path)-1]) {
			return true
		}
	}
	return false
}

// remap drops and renames fields as a rule states.
func (v *values) remap(r *rule) {
	for _, field := range r.drop {
		v.reported &^= 1 << field
	}
	for _, means := range r.rename {
		if from, to := means[0], means[1]; v.reported>>from&1 == 1 {
			v.reported &^= 1 << from
			v.reported |= 1 << to
			v.of[to] = v.of[from]
		}
	}
	for _, end := range r.cut {
		if text, isText := v.has(end.field).Text(); isText {
			v.of[end.field] = document.OfString(strings.TrimSuffix(text, end.text))
		}
	}
}

// figures returns the counts that are at or above 0, and whether one is not: essential or other. Tokens are whole; the
// fields that are divisible may be a fraction.
func (v *values) figures(divisible uint64, into *figures) (badEssential, badOther bool) {
	const words = (1<<fieldOther - 1) &^ (1<<figureCount - 1)
	for left := v.reported &^ words; left != 0; left &= left - 1 {
		field := bits.TrailingZeros64(left)
		n, ok := v.of[field].Int()
		if f, isFloat := v.of[field].Float(); isFloat && f == math.Trunc(f) && f >= 0 && f < maxCount {
			n, ok = int64(f), true
		}
		switch {
		case ok && n >= 0 && n < maxCount:
			into.set(field, n)
		case divisible>>field&1 == 1 && into.setPart(field, v.of[field]):
		case field < essentials:
			badEssential = true
		default:
			badOther = true
		}
	}
	return badEssential, badOther
}
