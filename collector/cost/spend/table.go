// SPDX-License-Identifier: Apache-2.0

package spend

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// Other is the value of labels in series that take the calls of all series above the limit.
const Other = "other"

// Limits bound a table. Times are in nanoseconds.
type Limits struct {
	// MaxSeries is how many series there are.
	MaxSeries int
	// MaxIdleNs is how long a series without a new call is kept.
	MaxIdleNs int64
	// ZeroForNs is how long a new sum is exported as 0 before its first value.
	ZeroForNs int64
	// WindowNs and MaxSpans are how long a span is recognised as a repeat, and how many spans are remembered.
	WindowNs int64
	MaxSpans int
}

// Counters are what happened to calls. They only rise.
type Counters struct {
	// Counted calls; of these, Folded were counted under Other, and WithoutCost should carry a cost and carry none.
	Counted, Folded, WithoutCost int64
	// Repeated spans were counted before; Corrected ones turned out to be counted on another span; Elsewhere ones were so from
	// the beginning.
	Repeated, Corrected, Elsewhere int64
	// Expired series were idle for too long.
	Expired int64
	// Forgotten spans left the window before their time.
	Forgotten int64
}

// Table adds calls up by their labels. It is not safe for concurrent use.
type Table struct {
	limits   Limits
	counters Counters
	series   map[string]*Series
	byID     map[uint32]*Series
	lastID   uint32
	spans    Window[counted]
	// kept labels stay in series above the limit; reserve is how many of MaxSeries are for those.
	kept    []bool
	reserve int
	buf     []byte
	folded  []string
}

// counted is what a remembered span added: enough to take it back.
type counted struct {
	cost                             cost.Femto
	series                           uint32
	tokens                           [tokenTypes]uint32
	hasCost, isUnpriced, isTakenBack bool
}

// NewTable returns an empty table; kept states which labels stay where a series has no labels of its own.
func NewTable(limits Limits, kept []bool) *Table {
	const mostReserved = 200
	return &Table{
		limits: limits, kept: kept, reserve: min(mostReserved, limits.MaxSeries/2), series: map[string]*Series{}, byID: map[uint32]*Series{},
		spans: NewWindow[counted](limits.WindowNs, limits.MaxSpans),
	}
}

// Counters returns what happened so far.
func (t *Table) Counters() Counters {
	now := t.counters
	now.Forgotten = t.spans.Forgotten
	return now
}

// Len returns how many series there are, and how many spans are remembered.
func (t *Table) Len() (series, spans int) { return len(t.byID), t.spans.Len() }

// Add counts a call under its labels, which it copies for a new series. A span that was counted within the window is not
// counted again; when it is a duplicate or an aggregate now, what it added is taken back.
func (t *Table) Add(nowNs int64, labels []string, call *Call) {
	hasKey := call.Key != cost.SpanKey{}
	if hasKey {
		if before, again := t.spans.Get(call.Key); again {
			t.repeat(nowNs, call, before)
			return
		}
	}
	if call.IsElsewhere {
		t.counters.Elsewhere++
		if hasKey {
			// Should it come again as a call, split from the span that carries its cost, it is still none.
			t.spans.Set(nowNs, call.Key, counted{isTakenBack: true})
		}
		return
	}
	into := t.find(nowNs, labels)
	into.add(nowNs, call)
	t.counters.Counted++
	if !call.HasCost && !call.IsUnpriced {
		t.counters.WithoutCost++
	}
	if hasKey {
		t.spans.Set(nowNs, call.Key, summary(into.id, call))
	}
}

// repeat handles a span that was counted before.
func (t *Table) repeat(nowNs int64, call *Call, before counted) {
	t.counters.Repeated++
	if !call.IsElsewhere || before.isTakenBack {
		return
	}
	before.isTakenBack = true
	t.spans.Set(nowNs, call.Key, before)
	if into := t.byID[before.series]; into != nil {
		t.counters.Corrected++
		into.takeBack(&before)
	}
}

func summary(series uint32, call *Call) counted {
	found := counted{cost: call.Cost, series: series, hasCost: call.HasCost, isUnpriced: call.IsUnpriced}
	for n, tokens := range call.Tokens {
		// No model reads or writes four billion tokens in a call.
		found.tokens[n] = uint32(min(tokens, math.MaxUint32))
	}
	return found
}

// find returns the series of labels. Above the limit it is that of the kept labels, with Other for the rest, and without room
// for that, the one with Other for all.
func (t *Table) find(nowNs int64, labels []string) *Series {
	t.setKey(labels)
	if known, held := t.series[string(t.buf)]; held {
		return known
	}
	if len(t.series) < t.limits.MaxSeries-t.reserve {
		return t.newSeries(nowNs, labels)
	}
	t.counters.Folded++
	t.folded = append(t.folded[:0], labels...)
	for n := range t.folded {
		if !t.kept[n] {
			t.folded[n] = Other
		}
	}
	t.setKey(t.folded)
	if known, held := t.series[string(t.buf)]; held {
		return known
	}
	if len(t.series) < t.limits.MaxSeries-1 {
		return t.newSeries(nowNs, t.folded)
	}
	for n := range t.folded {
		t.folded[n] = Other
	}
	t.setKey(t.folded)
	if known, held := t.series[string(t.buf)]; held {
		return known
	}
	return t.newSeries(nowNs, t.folded)
}

func (t *Table) setKey(labels []string) {
	t.buf = t.buf[:0]
	for _, label := range labels {
		t.buf = binary.AppendUvarint(t.buf, uint64(len(label)))
		t.buf = append(t.buf, label...)
	}
}

// newSeries returns a series for labels, whose key is set.
func (t *Table) newSeries(nowNs int64, labels []string) *Series {
	own := make([]string, len(labels))
	for n, label := range labels {
		own[n] = strings.Clone(label)
	}
	t.lastID++
	created := &Series{Labels: own, StartNs: nowNs, id: t.lastID, key: string(t.buf)}
	t.byID[created.id], t.series[created.key] = created, created
	return created
}

// expire removes the series that no call was added to for too long. A later call begins a new series from 0.
func (t *Table) expire(nowNs int64) {
	for id, series := range t.byID {
		if nowNs-series.lastNs < t.limits.MaxIdleNs {
			continue
		}
		t.counters.Expired++
		delete(t.byID, id)
		delete(t.series, series.key)
	}
}
