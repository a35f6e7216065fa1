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

// isZero reports whether the sum is to be exported as 0 now.
func (p *progress) isZero(nowNs, zeroForNs int64) bool {
	isNew := p.zeroNs == 0
	if isNew {
		p.zeroNs = nowNs
	}
	return zeroForNs > 0 && (isNew || nowNs-p.zeroNs < zeroForNs)
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
// the other, by metric. A metric that no call had is left out. A new one is 0 for a while, except in the last export.
// An exported value never falls.
func (t *Table) Export(nowNs int64, isLast bool, visit func(*Series, Point)) {
	t.expire(nowNs)
	zeroForNs := t.limits.ZeroForNs
	if isLast {
		zeroForNs = 0
	}
	for _, s := range t.byID {
		highest, unpriced := s.Highest, s.LastUnpriced
		if s.cost.isUsed {
			isZero := s.cost.isZero(nowNs, zeroForNs)
			if !isZero && s.cost.exported.Cmp(s.cost.value) < 0 {
				s.cost.exported = s.cost.value
			}
			visit(s, Point{Metric: Cost, Cost: s.cost.exported, IsZero: isZero})
			if !isZero {
				highest = Exemplar{}
			}
		}
		for metric := Tokens; metric < metrics; metric++ {
			sum := &s.counts[metric]
			if !sum.isUsed {
				continue
			}
			isZero := sum.isZero(nowNs, zeroForNs)
			if !isZero {
				sum.exported = max(sum.exported, sum.value)
			}
			visit(s, Point{Metric: metric, Count: sum.exported, IsZero: isZero})
			if metric == Unpriced && !isZero {
				unpriced = Exemplar{}
			}
		}
		s.Highest, s.LastUnpriced = highest, unpriced
	}
}

// HasNew reports whether some sum was never exported: its zero is to be exported before its value.
func (t *Table) HasNew() bool {
	for _, s := range t.byID {
		if s.cost.isUsed && s.cost.zeroNs == 0 {
			return true
		}
		for n := range s.counts {
			if s.counts[n].isUsed && s.counts[n].zeroNs == 0 {
				return true
			}
		}
	}
	return false
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
