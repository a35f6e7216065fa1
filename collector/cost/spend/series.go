// SPDX-License-Identifier: Apache-2.0

package spend

import "github.com/spancost/spancost/collector/cost"

// Metric is one of the sums of a series.
type Metric int

const (
	Cost Metric = iota
	// Tokens is the first of the metrics of tokens, one for each TokenType in its order.
	Tokens
	Requests = Tokens + Metric(tokenTypes)
	Unpriced = Requests + 1
	metrics  = Unpriced + 1
)

// Exemplar is a call of a series since its last export.
type Exemplar struct {
	IsKnown bool
	// Span is the zero key for a call of a log record without a span.
	Span   cost.SpanKey
	TimeNs int64
	Cost   cost.Femto
}

// Series are the sums of the calls with the same labels.
type Series struct {
	// Labels are in the order of Table.Add.
	Labels []string
	// StartNs is when the sums were 0.
	StartNs int64
	// Highest is the call with the highest cost since the last export, LastUnpriced the last one without a price.
	Highest, LastUnpriced Exemplar

	id     uint32
	key    string
	lastNs int64
	cost   amount
	counts [metrics]count
}

// amount and count are sums with what was exported of them: an exported value never falls, even when calls are taken back.
type amount struct {
	value, exported cost.Femto
	progress
}

type count struct {
	value, exported int64
	progress
}

// progress is how far a sum has been exported. A new sum is exported as 0 first, so that a reader of increases sees its first value.
type progress struct {
	isUsed bool
	// zeroNs is when the sum was exported first, 0 for never.
	zeroNs int64
}

// phase is what of a sum is to be exported now.
type phase int

const (
	zero phase = iota
	value
	// zeroAndValue: the sum is new, and there is no later export.
	zeroAndValue
)

func (p *progress) phase(nowNs, zeroForNs int64, isLast bool) phase {
	isNew := p.zeroNs == 0
	if isNew {
		p.zeroNs = nowNs
	}
	switch {
	case zeroForNs == 0:
		return value
	case isNew && isLast:
		return zeroAndValue
	case isLast || !isNew && nowNs-p.zeroNs >= zeroForNs:
		return value
	}
	return zero
}

func (s *Series) add(nowNs int64, call *Call) {
	s.lastNs = nowNs
	s.count(Requests, 1)
	for n, tokens := range call.Tokens {
		if tokens > 0 {
			s.count(Tokens+Metric(n), tokens)
		}
	}
	if call.HasCost {
		s.cost.isUsed = true
		s.cost.value = s.cost.value.Add(call.Cost)
		if !s.Highest.IsKnown || s.Highest.Cost.Cmp(call.Cost) < 0 {
			s.Highest = Exemplar{true, call.Span, call.TimeNs, call.Cost}
		}
	}
	if call.IsUnpriced {
		s.count(Unpriced, 1)
		s.LastUnpriced = Exemplar{IsKnown: true, Span: call.Span, TimeNs: call.TimeNs}
	}
}

func (s *Series) count(metric Metric, n int64) {
	s.counts[metric].isUsed = true
	s.counts[metric].value += n
}

// takeBack removes what a call added.
func (s *Series) takeBack(before *counted) {
	s.counts[Requests].value--
	for n, tokens := range before.tokens {
		s.counts[Tokens+Metric(n)].value -= int64(tokens)
	}
	if before.hasCost {
		s.cost.value = s.cost.value.Add(before.cost.Neg())
	}
	if before.isUnpriced {
		s.counts[Unpriced].value--
	}
}

// Point is the sum of a metric so far: Cost for the metric Cost, Count for the others. IsZero: it is exported as 0, because it
// is new.
type Point struct {
	Metric Metric
	Cost   cost.Femto
	Count  int64
	IsZero bool
}

// Export visits the points of all series and removes series that were idle for too long. The points of a series come one after
// the other, by metric. A metric that no call had is left out. A new one is 0 for a while; in the last export it is 0 and then
// has its value. An exported value never falls.
func (t *Table) Export(nowNs int64, isLast bool, visit func(*Series, Point)) {
	t.expire(nowNs)
	for _, s := range t.byID {
		highest, unpriced := s.Highest, s.LastUnpriced
		if s.cost.isUsed {
			now := s.cost.phase(nowNs, t.limits.ZeroForNs, isLast)
			if now != value {
				visit(s, Point{Metric: Cost, IsZero: true})
			}
			if now != zero {
				if s.cost.exported.Cmp(s.cost.value) < 0 {
					s.cost.exported = s.cost.value
				}
				visit(s, Point{Metric: Cost, Cost: s.cost.exported})
				highest = Exemplar{}
			}
		}
		for metric := Tokens; metric < metrics; metric++ {
			if s.exportCount(nowNs, metric, t.limits.ZeroForNs, isLast, visit) && metric == Unpriced {
				unpriced = Exemplar{}
			}
		}
		s.Highest, s.LastUnpriced = highest, unpriced
	}
}

// exportCount visits the points of a count, and reports whether its value is among them.
func (s *Series) exportCount(nowNs int64, metric Metric, zeroForNs int64, isLast bool, visit func(*Series, Point)) bool {
	sum := &s.counts[metric]
	if !sum.isUsed {
		return false
	}
	now := sum.phase(nowNs, zeroForNs, isLast)
	if now != value {
		visit(s, Point{Metric: metric, IsZero: true})
	}
	if now == zero {
		return false
	}
	sum.exported = max(sum.exported, sum.value)
	visit(s, Point{Metric: metric, Count: sum.exported})
	return true
}

// NotExported states that what was exported at a time did not arrive: sums that were exported then for the first time are new
// again.
func (t *Table) NotExported(nowNs int64) {
	for _, s := range t.byID {
		if s.cost.zeroNs == nowNs {
			s.cost.zeroNs = 0
		}
		for n := range s.counts {
			if s.counts[n].zeroNs == nowNs {
				s.counts[n].zeroNs = 0
			}
		}
	}
}
