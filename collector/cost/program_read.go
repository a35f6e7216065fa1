// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

// read puts what a span says into a reading; false when it says nothing about a model call.
func (p *program) read(span *Span, into *Reading) bool {
	into.reset()
	found := &into.scratch.values
	p.gather(span.Attributes, found)
	p.fillIn(span.Attributes, found)
	address := hostText(found.has(fieldServerAddress))
	named := found.text(fieldProvider)
	if renamed, known := p.row.Providers[named]; known {
		named = renamed
	}
	raw := found.text(fieldOperation)
	into.Emitter = p.row.ID
	into.Provider = p.names.Canonical(named, address)
	isTold := into.Provider != ""
	into.Provider = or(into.Provider, p.defaultProvider)
	p.operation(raw, into)
	matched, said := p.apply(span, found, into, isTold)
	if !said {
		return false
	}
	for _, n := range matched {
		found.remap_fields(&p.rules[n])
	}
	room := into.scratch
	room.applied, room.isNamed, room.ruled = matched, raw != "", into.Doubt
	into.reported = found.has(fieldReportedCost)
	badEssential, badOther := found.figures(p.fields.divisible, &room.figures)
	if !p.settle(into, raw != "", badEssential, badOther) {
		return false
	}
	p.words(found, address, into)
	into.Billed, into.IsBilled = billed(found.has(fieldBilledCost))
	into.BeganNs, into.HasBegan = began(span, found.has(fieldDuration))
	return true
}

// settle puts the meters that the figures tell into a reading; false when it says nothing about a model call. isNamed:
// the span names an operation. badEssential and badOther: some figures are none.
func (p *program) settle(into *Reading, isNamed, badEssential, badOther bool) bool {
	counted := &into.scratch.figures
	namesCall := into.IsCall && (isNamed || !counted.isEmpty())
	if into.IsCall && counted.isNothing() {
		// No provider bills a call of nothing: the emitter writes 0 for what it does not know.
		counted.known, counted.parts = 0, nil
	}
	if counted.isEmpty() && !namesCall {
		if stated, isStated := billed(into.reported); !isStated || stated.IsZero() || !isOneOf(into.Operation, p.statedCosts) {
			return false
		}
		into.IsCall = true // what a tool or a machine cost, where nothing else is told
	}
	const besideTotal = 1<<fieldOutput | 1<<fieldVisibleOutput | 1<<fieldStatedOutput | 1<<fieldCacheRead
	if counted.known&besideTotal == 0 && isOneOf(into.Provider, p.cachedOutside) {
		// What the total holds beyond the input may be the cached part.
		counted.known &^= 1 << fieldTotal
	}
	split := ""
	for _, part := range counted.parts {
		into.addPart(p.fields.names[part.field], part.amount)
	}
	if counted.known != 0 {
		split = counted.inclusive(p.fields.names, into)
	}
	isShort := into.IsCall && len(into.Usage) > 0 && !(into.Input.Known && into.Output.Known) &&
		slices.Contains(p.twoSided, into.Operation)
	switch {
	case badEssential:
		into.Doubt = Doubt{Unpriced, reasonBadUsage}
	case badOther:
		into.Doubt = Doubt{Partial, reasonBadUsage}
	case split != "" && into.Doubt == Doubt{}:
		into.Doubt = Doubt{Estimated, split}
		if split == reasonUnexplained {
			into.Doubt.Status = Partial
		}
	case isShort && (into.Doubt == Doubt{} || into.Doubt.Status == Estimated):
		into.Doubt = Doubt{Partial, reasonUsageNotReported}
	}
	return true
}

// operationOf returns our word for a span's operation, "" when it names none.
func (p *program) operationOf(span *Span) (operation string, isCall bool) {
	raw, best := "", uint8(rankUnset)
	for n := range span.Attributes {
		use := p.keys[span.Attributes[n].Key]
		if use == nil || !use.hasField || use.field != fieldOperation || use.rank >= best {
			continue
		}
		if text := textOf(span.Attributes[n].Value); text != "" {
			raw, best = text, use.rank
		}
	}
	if raw == "" {
		return "", false
	}
	var into Reading
	p.operation(raw, &into)
	return into.Operation, into.IsCall
}

func (p *program) operation(raw string, into *Reading) {
	kind := p.row.Default
	if raw != "" {
		var known bool
		if kind, known = p.row.Operations[strings.ToLower(raw)]; !known {
			kind = [2]string{"container", raw}
		}
	}
	into.IsCall, into.Operation = kind[0] == "call", kind[1]
}

// apply lets the rules that match change the reading, and returns them; false when one says that the span says nothing.
func (p *program) apply(span *Span, found *values, into *Reading, isTold bool) (matched []int, said bool) {
	matched = into.scratch.matched[:0]
	for n := range p.rules {
		r := &p.rules[n]
		if !r.matches(span.Name, span.Attributes, found, into.Provider) {
			continue
		}
		if r.ignore {
			return nil, false
		}
		matched = append(matched, n)
		if r.isCall || r.isContainer {
			into.IsCall = r.isCall
		}
		into.Operation = or(r.operation, into.Operation)
		into.Provider = or(r.provider, into.Provider)
		if r.doubt != (Doubt{}) {
			into.Doubt = r.doubt
		}
		if r.providerInModel && (into.Provider == "" || (!isTold && into.Provider == p.defaultProvider)) {
			model := found.has(fieldModel)
			if !model.Truthy() {
				model = found.has(fieldRequestModel)
			}
			if provider, _, slash := strings.Cut(textOf(model), "/"); slash {
				into.Provider = or(p.names.Canonical(provider, ""), p.defaultProvider)
			}
		}
	}
	return matched, true
}

// has returns the value of a field, null when the span does not say.
func (v *values) has(field int) document.Value {
	if v.told>>field&1 == 0 {
		return document.Value{}
	}
	return v.of[field]
}

func (p *program) words(found *values, address string, into *Reading) {
	into.RequestModel = found.text(fieldRequestModel)
	into.Model = or(found.text(fieldModel), into.RequestModel)
	into.ResponseID = found.text(fieldResponseID)
	into.FinishReason = finish(found.text(fieldFinishReason))
	into.ServiceTier = found.text(fieldServiceTier)
	into.Processing = found.text(fieldProcessing)
	into.Context = into.scratch.context[:0]
	if address != "" {
		into.Context = append(into.Context, Fact{"server_address", address})
	}
	for field := fieldSpeed; field <= fieldSearchContext; field++ {
		if text := found.text(field); text != "" {
			into.Context = append(into.Context, Fact{knownFields[field], text})
		}
	}
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// hostText returns the host of a server address or URL, "" when there is none.
func hostText(value document.Value) string {
	text, _ := value.Text()
	if _, rest, isURL := strings.Cut(text, "://"); isURL {
		text, _, _ = strings.Cut(rest, "/")
	}
	return text
}

func finish(text string) string {
	if strings.HasPrefix(text, "FinishReason.") {
		return strings.ToLower(text[strings.LastIndexByte(text, '.')+1:])
	}
	return text
}

// began returns when the call began, by a duration in seconds that the span reports.
func began(span *Span, duration document.Value) (int64, bool) {
	duration = amountOfText(duration)
	seconds, isFloat := duration.Float()
	if n, whole := duration.Int(); whole {
		seconds = float64(n)
	} else if !isFloat {
		return 0, false
	}
	if !(seconds >= 0 && seconds < 1e6) {
		return 0, false
	}
	return min(span.StartNs, span.EndNs-int64(math.RoundToEven(seconds*1e9))), true
}

// amountOfText returns the number that a text writes plainly, any other value as it is.
func amountOfText(value document.Value) document.Value {
	if text, isText := value.Text(); isText && decimal.MatchString(text) {
		f, _ := strconv.ParseFloat(text, 64)
		return document.OfFloat(f)
	}
	return value
}

// billed returns a reported cost in USD as money: the decimal that the number is written as, exactly.
func billed(value document.Value) (Femto, bool) {
	if text, isText := value.Text(); isText && decimal.MatchString(text) {
		if f, _ := strconv.ParseFloat(text, 64); f < 1e9 {
			return femtoOfDecimal(text)
		}
		return Femto{}, false
	}
	if value.Kind() != document.Int && value.Kind() != document.Float {
		return Femto{}, false
	}
	if f, isFloat := value.Float(); isFloat && !(f >= 0 && f < 1e9) {
		return Femto{}, false
	}
	if n, whole := value.Int(); whole && (n < 0 || n >= 1e9) {
		return Femto{}, false
	}
	if f, isFloat := value.Float(); isFloat {
		return femtoOfDecimal(string(document.AppendFloat(nil, f)))
	}
	return femtoOfDecimal(string(document.Append(nil, value)))
}
