// SPDX-License-Identifier: Apache-2.0

package spend

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/spancost/spancost/collector/cost"
)

const (
	second = int64(time.Second)
	start  = 1_000 * int64(time.Second)
)

func limits() Limits {
	return Limits{MaxSeries: 10, MaxIdleNs: 3_600 * second, ZeroForNs: second, WindowNs: 60 * second, MaxSpans: 1_000}
}

// exported returns the points of an export, by first label and metric.
func exported(table *Table, nowNs int64, isLast bool) map[string]map[Metric]Point {
	found := map[string]map[Metric]Point{}
	table.Export(nowNs, isLast, func(s *Series, p Point) {
		if found[s.Labels[0]] == nil {
			found[s.Labels[0]] = map[Metric]Point{}
		}
		found[s.Labels[0]][p.Metric] = p
	})
	return found
}

func call(span uint64, femto int64) *Call {
	key := cost.SpanKey{Trace: [2]uint64{1, 2}, ID: span}
	made := &Call{Key: key, Span: key, Cost: cost.FemtoOf(femto), HasCost: true}
	made.SetTokens(100, 40, 10, 30, 5)
	return made
}

func TestTokensAreDisjoint(t *testing.T) {
	made := &Call{}
	made.SetTokens(100, 40, 10, 30, 5)
	assert.Equal(t, [tokenTypes]int64{50, 40, 10, 25, 5}, made.Tokens)
	made.SetTokens(10, 40, 10, 3, 5)
	assert.Equal(t, [tokenTypes]int64{0, 10, 0, 0, 3}, made.Tokens, "a part is at most its total")
	made.SetTokens(-1, -1, -1, -1, -1)
	assert.Equal(t, [tokenTypes]int64{}, made.Tokens)
}

func TestANewSumIsZeroFirst(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, call(1, 7))
	first := exported(table, start+second, false)["a"]
	assert.Equal(t, Point{Metric: Cost, IsZero: true}, first[Cost])
	assert.Equal(t, Point{Metric: Requests, IsZero: true}, first[Requests])
	assert.NotContains(t, first, Unpriced)
	next := exported(table, start+2*second, false)["a"]
	assert.Equal(t, cost.FemtoOf(7), next[Cost].Cost)
	assert.Equal(t, int64(50), next[Tokens+Metric(Input)].Count)
}

func TestALastExportHoldsEveryValue(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, call(1, 7))
	exported(table, start, false)
	assert.Equal(t, cost.FemtoOf(7), exported(table, start+1, true)["a"][Cost].Cost)
}

func TestAnExportThatDidNotArriveIsZeroAgain(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, call(1, 7))
	exported(table, start+second, false)
	table.NotExported(start + second)
	assert.True(t, exported(table, start+5*second, false)["a"][Cost].IsZero)
}

func TestASpanCountsOnceWithinTheWindow(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	for _, at := range []int64{0, 1, 30, 59} {
		table.Add(start+at*second, []string{"a"}, call(1, 7))
	}
	assert.Equal(t, int64(1), table.Counters().Counted)
	assert.Equal(t, int64(3), table.Counters().Repeated)
	assert.Equal(t, cost.FemtoOf(7), exported(table, start, true)["a"][Cost].Cost)
}

func TestTheWindowIsBounded(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	for n := range uint64(10_000) {
		table.Add(start, []string{"a"}, call(n+1, 1))
	}
	_, spans := table.Len()
	assert.LessOrEqual(t, spans, 1_000)
	assert.Positive(t, table.Counters().Forgotten)
	for n := range uint64(10_000) {
		table.Add(start+200*second*int64(n), []string{"a"}, call(20_000+n, 1))
	}
	_, spans = table.Len()
	assert.LessOrEqual(t, spans, 2, "spans are forgotten when their time is over")
}

func TestACallThatTurnsOutToBeADuplicateIsTakenBack(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, call(1, 7))
	table.Add(start, []string{"a"}, call(2, 5))
	exported(table, start, false)
	before := exported(table, start+second, false)["a"]
	require.Equal(t, cost.FemtoOf(12), before[Cost].Cost)
	for range 2 {
		table.Add(start, []string{"b"}, &Call{Key: call(1, 0).Key, IsElsewhere: true})
	}
	assert.Equal(t, int64(1), table.Counters().Corrected)
	assert.Equal(t, before, exported(table, start+second, false)["a"], "an exported value never falls")
	table.Add(start, []string{"a"}, call(3, 10))
	after := exported(table, start+second, false)["a"]
	assert.Equal(t, cost.FemtoOf(15), after[Cost].Cost)
	assert.Equal(t, int64(2), after[Requests].Count)
}

func TestDuplicatesAddNothing(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, &Call{Key: call(1, 0).Key, IsElsewhere: true})
	assert.Equal(t, Counters{Elsewhere: 1}, table.Counters())
	table.Add(start, []string{"a"}, call(1, 7))
	assert.Equal(t, Counters{Elsewhere: 1, Repeated: 1}, table.Counters(), "once a duplicate, always one")
	assert.Empty(t, exported(table, start, true))
}

func TestLabelsAboveTheLimitAreFoldedAndTheSumStays(t *testing.T) {
	table := NewTable(limits(), []bool{true, false})
	for n := range uint64(40) {
		table.Add(start, []string{string(rune('a' + n%7)), string(rune('A' + n))}, call(n+1, 1))
	}
	series := map[string]int64{}
	table.Export(start, true, func(s *Series, p Point) {
		if p.Metric == Requests {
			series[s.Labels[0]+" "+s.Labels[1]] = p.Count
		}
	})
	assert.Equal(t, map[string]int64{
		"a A": 1, "b B": 1, "c C": 1, "d D": 1, "e E": 1, // half of the limit
		"f other": 5, "g other": 5, "a other": 5, "b other": 5, "other other": 15,
	}, series, "model by model while there is room, then all together")
	assert.Equal(t, int64(35), table.Counters().Folded)
	assert.LessOrEqual(t, len(series), limits().MaxSeries)
}

func TestASeriesSurvivesIdleTimeAndThenBeginsAnew(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	table.Add(start, []string{"a"}, call(1, 7))
	assert.Equal(t, cost.FemtoOf(7), exported(table, start+3_500*second, true)["a"][Cost].Cost)
	assert.Empty(t, exported(table, start+3_600*second, true))
	assert.Equal(t, int64(1), table.Counters().Expired)
	table.Add(start+4_000*second, []string{"a"}, call(2, 5))
	table.Export(start+4_000*second, true, func(s *Series, p Point) {
		assert.Equal(t, start+4_000*second, s.StartNs)
	})
	assert.Equal(t, cost.FemtoOf(5), exported(table, start+4_001*second, true)["a"][Cost].Cost)
}

func TestExemplars(t *testing.T) {
	table := NewTable(limits(), []bool{false})
	for n, femto := range []int64{3, 9, 4} {
		table.Add(start, []string{"a"}, call(uint64(n+1), femto))
	}
	exported(table, start, false)
	table.Export(start+second, false, func(s *Series, _ Point) { assert.Equal(t, uint64(2), s.Highest.Span.ID) })
	table.Export(start+second, false, func(s *Series, _ Point) { assert.False(t, s.Highest.IsKnown) })
}

func TestOrderAndRepeatsDoNotChangeTheSums(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const calls = 500
	var total int64
	order := make([]*Call, 0, 2*calls)
	for n := range calls {
		femto := random.Int64N(1 << 50)
		total += femto
		order = append(order, call(uint64(n+1), femto), call(uint64(n+1), femto))
	}
	for range 5 {
		random.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		table := NewTable(limits(), []bool{false})
		for n, made := range order {
			table.Add(start+int64(n), []string{"a"}, made)
		}
		assert.Equal(t, cost.FemtoOf(total), exported(table, start, true)["a"][Cost].Cost)
	}
}

func BenchmarkAdd(b *testing.B) {
	table := NewTable(Limits{MaxSeries: 1_000, MaxIdleNs: 1 << 60, WindowNs: second / 100, MaxSpans: 100_000}, make([]bool, 8))
	labels := []string{"shop", "openai", "gpt-4o-mini", "chat", "priced", "search", "production", "growth"}
	made := call(1, 1_000)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		made.Key.ID = uint64(n)
		table.Add(start+int64(n)*200, labels, made)
	}
}
