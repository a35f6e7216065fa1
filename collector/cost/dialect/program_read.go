// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// Reader is memory that readings are made in: one holds until the next is made. It is not safe for use by several goroutines.
type Reader struct {
	values     values
	conditions uint64
	figures    figures
	usage      [16]cost.Amount
	context    [4]cost.Fact
	matched    [16]int
}

// resolved is what the categorical values of a span decide: a reading without amounts, times and response id.
type resolved struct {
	reading cost.Reading
	// rules are those that match; isIgnored: one of them states that the span reports nothing; isNamed: it names an operation.
	rules              []int
	isIgnored, isNamed bool
}

// read puts what a span states into a reading; false when it reports no model call.
func (p *program) read(span *cost.Span, r *Reader, into *cost.Reading) bool {
	r.values.reported, r.values.present = 0, keySet{}
	p.gather(span.Attributes, &r.values)
	p.fillIn(span.Attributes, &r.values)
	found := p.resolve(span, &r.values, r)
	return p.finish(span, &found, r, into)
}

// resolve works out what the categorical values decide, and lets the rules that match remap the values.
func (p *program) resolve(span *cost.Span, found *values, r *Reader) resolved {
	made := resolved{rules: r.matched[:0]}
	into := &made.reading
	address := host(found.has(fieldServerAddress))
	named := found.text(fieldProvider)
	if renamed, known := p.row.Providers[named]; known {
		named = renamed
	}
	raw := found.text(fieldOperation)
	into.Emitter, made.isNamed = p.row.ID, raw != ""
	into.Provider = p.names.Canonical(named, address)
	isReported := into.Provider != ""
	into.Provider = cmp.Or(into.Provider, p.defaultProvider)
	p.operation(raw, into)
	if made.isIgnored = !p.apply(span, found, &made, isReported); made.isIgnored {
		return made
	}
	p.remap(&made, found)
	p.texts(found, address, r.context[:0], into)
	return made
}

// finish adds amounts, times and the response id, of values that were remapped, to what is resolved; false when the span reports no model call.
func (p *program) finish(span *cost.Span, made *resolved, r *Reader, into *cost.Reading) bool {
	if made.isIgnored {
		return false
	}
	*into = made.reading
	found := &r.values
	into.ResponseID = found.text(fieldResponseID)
	into.Reported = found.has(fieldReportedCost)
	into.Billed, into.IsBilled = found.bill()
	into.BeganNs, into.HasBegan = beganAt(span, found.has(fieldDuration))
	r.figures.known, r.figures.parts = 0, nil
	badEssential, badOther := found.figures(p.fields.divisible, &r.figures)
	into.Usage = r.usage[:0]
	return p.settle(into, &r.figures, made.isNamed, badEssential, badOther)
}

func (p *program) remap(made *resolved, found *values) {
	for _, n := range made.rules {
		found.remap(&p.rules[n])
	}
}

// owned returns the same with its own copies of texts and lists.
func (r resolved) owned() resolved {
	r.rules = slices.Clone(r.rules)
	into := &r.reading
	for _, text := range []*string{
		&into.Operation, &into.Provider, &into.Model, &into.RequestModel, &into.FinishReason, &into.ServiceTier, &into.Processing,
	} {
		*text = strings.Clone(*text)
	}
	into.Context = slices.Clone(into.Context)
	for n := range into.Context {
		into.Context[n].Value = strings.Clone(into.Context[n].Value)
	}
	return r
}

// settle puts the meters that the figures report into a reading; false when it reports no model call. isNamed:
// the span names an operation. badEssential and badOther: some figures are none.
func (p *program) settle(into *cost.Reading, counted *figures, isNamed, badEssential, badOther bool) bool {
	namesCall := into.IsCall && (isNamed || !counted.isEmpty())
	if into.IsCall && counted.isNothing() {
		// No provider bills a call of nothing: the emitter writes 0 for what it does not know.
		counted.known, counted.parts = 0, nil
	}
	if counted.isEmpty() && !namesCall {
		if stated, isStated := BilledAmount(into.Reported); !isStated || stated.IsZero() || !isOneOf(into.Operation, p.statedCosts) {
			return false
		}
		into.IsCall = true // what a tool or a machine cost, where nothing else is reported
	}
	const besideTotal = 1<<fieldOutput | 1<<fieldVisibleOutput | 1<<fieldStatedOutput | 1<<fieldCacheRead
	if counted.known&besideTotal == 0 && isOneOf(into.Provider, p.cachedOutside) {
		// What the total holds beyond the input may be the cached part.
		counted.known &^= 1 << fieldTotal
	}
	split := ""
	for _, part := range counted.parts {
		into.Usage = append(into.Usage, cost.Amount{Meter: p.fields.names[part.field], Quantity: cost.Fraction(part.amount)})
	}
	if counted.known != 0 {
		split = counted.inclusive(p.fields.names, into)
	}
	isShort := into.IsCall && len(into.Usage) > 0 && !(into.Input.Known && into.Output.Known) &&
		slices.Contains(p.twoSided, into.Operation)
	switch {
	case badEssential:
		into.Doubt = cost.Doubt{Status: cost.Unpriced, Reason: cost.ReasonBadUsage}
	case badOther:
		into.Doubt = cost.Doubt{Status: cost.Partial, Reason: cost.ReasonBadUsage}
	case split != "" && into.Doubt == cost.Doubt{}:
		into.Doubt = cost.Doubt{Status: cost.Estimated, Reason: split}
		if split == reasonUnexplained {
			into.Doubt.Status = cost.Partial
		}
	case isShort && (into.Doubt == cost.Doubt{} || into.Doubt.Status == cost.Estimated):
		into.Doubt = cost.Doubt{Status: cost.Partial, Reason: reasonUsageNotReported}
	}
	return true
}

// operationOf returns our word for a span's operation, "" when it names none.
func (p *program) operationOf(span *cost.Span) (operation string, isCall bool) {
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
	var into cost.Reading
	p.operation(raw, &into)
	return into.Operation, into.IsCall
}

func (p *program) operation(raw string, into *cost.Reading) {
	kind := p.row.Default
	if raw != "" {
		var known bool
		if kind, known = p.row.Operations[strings.ToLower(raw)]; !known {
			kind = [2]string{"container", raw}
		}
	}
	into.IsCall, into.Operation = kind[0] == "call", kind[1]
}

// apply lets the rules that match change the reading; false when one states that the span reports nothing.
func (p *program) apply(span *cost.Span, found *values, made *resolved, isReported bool) bool {
	into := &made.reading
	for n := range p.rules {
		r := &p.rules[n]
		if !r.matches(span.Name, span.Attributes, found, into.Provider) {
			continue
		}
		if r.ignore {
			return false
		}
		made.rules = append(made.rules, n)
		if r.isCall || r.isContainer {
			into.IsCall = r.isCall
		}
		into.Operation = cmp.Or(r.operation, into.Operation)
		into.Provider = cmp.Or(r.provider, into.Provider)
		if r.doubt != (cost.Doubt{}) {
			into.Doubt = r.doubt
		}
		if r.providerInModel && (into.Provider == "" || (!isReported && into.Provider == p.defaultProvider)) {
			model := found.has(fieldModel)
			if !model.Truthy() {
				model = found.has(fieldRequestModel)
			}
			if provider, _, slash := strings.Cut(textOf(model), "/"); slash {
				into.Provider = cmp.Or(p.names.Canonical(provider, ""), p.defaultProvider)
			}
		}
	}
	return true
}

// has returns the value of a field, null when the span does not state.
func (v *values) has(field int) document.Value {
	if v.reported>>field&1 == 0 {
		return document.Value{}
	}
	return v.of[field]
}

func (p *program) texts(found *values, address string, context []cost.Fact, into *cost.Reading) {
	into.RequestModel = found.text(fieldRequestModel)
	into.Model = cmp.Or(found.text(fieldModel), into.RequestModel)
	into.FinishReason = finishReason(found.text(fieldFinishReason))
	into.ServiceTier = found.text(fieldServiceTier)
	into.Processing = found.text(fieldProcessing)
	into.Context = context
	if address != "" {
		into.Context = append(into.Context, cost.Fact{Dimension: "server_address", Value: address})
	}
	for field := fieldSpeed; field <= fieldSearchContext; field++ {
		if text := found.text(field); text != "" {
			into.Context = append(into.Context, cost.Fact{Dimension: knownFields[field], Value: text})
		}
	}
}

// host returns the host of a server address or URL, "" when there is none.
func host(value document.Value) string {
	text, _ := value.Text()
	if _, rest, isURL := strings.Cut(text, "://"); isURL {
		text, _, _ = strings.Cut(rest, "/")
	}
	return text
}

func finishReason(text string) string {
	if strings.HasPrefix(text, "FinishReason.") {
		return strings.ToLower(text[strings.LastIndexByte(text, '.')+1:])
	}
	return text
}

// beganAt returns when the call began, by a duration in seconds that the span reports.
func beganAt(span *cost.Span, duration document.Value) (int64, bool) {
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

// bill returns what the provider billed; false when the span does not state it.
//
// With a key of the customer's own at the upstream provider, billed_cost_usd is only a gateway's fee. Where nothing says
// whose key it was, the amounts tell: without such a key the bill is never below the upstream provider's part.
func (v *values) bill() (cost.Femto, bool) {
	paid, isBill := BilledAmount(v.has(fieldBilledCost))
	upstream, isSplit := BilledAmount(v.has(fieldUpstreamCost))
	if !isBill || !isSplit {
		return paid, isBill
	}
	own := v.has(fieldOwnKey)
	text, _ := own.Text()
	if own.Bool() || text == "true" || (own.IsNull() && paid.Cmp(upstream) < 0) {
		return paid.Add(upstream), true
	}
	return paid, true
}

// BilledAmount returns a reported cost in USD as money: the decimal that the number is written as, exactly.
func BilledAmount(value document.Value) (cost.Femto, bool) {
	if text, isText := value.Text(); isText && decimal.MatchString(text) {
		if f, _ := strconv.ParseFloat(text, 64); f < 1e9 {
			return cost.FemtoFromText(text)
		}
		return cost.Femto{}, false
	}
	if value.Kind() != document.Int && value.Kind() != document.Float {
		return cost.Femto{}, false
	}
	if f, isFloat := value.Float(); isFloat && !(f >= 0 && f < 1e9) {
		return cost.Femto{}, false
	}
	if n, whole := value.Int(); whole && (n < 0 || n >= 1e9) {
		return cost.Femto{}, false
	}
	if f, isFloat := value.Float(); isFloat {
		return cost.FemtoFromText(string(document.AppendFloat(nil, f)))
	}
	return cost.FemtoFromText(string(document.Append(nil, value)))
}
