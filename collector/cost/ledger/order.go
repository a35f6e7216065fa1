// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/spancost/spancost/collector/cost"
)

// ChildrenFirst returns the order in which spans are to be ended: children before parents, else by end, start and key. A
// circle of parents is cut at the span that ended first. The spans' keys are unique.
func ChildrenFirst(spans []cost.Span) []int {
	if !haveParents(spans) {
		return (&byEnd{spans: spans}).everyOne()
	}
	at := make(map[cost.SpanKey]int, len(spans))
	for n := range spans {
		at[spans[n].Key] = n
	}
	open := make([]int, len(spans))
	for n := range spans {
		if parent, known := at[spans[n].Parent]; known && spans[n].HasParent() {
			open[parent]++
		}
	}
	ready := &byEnd{spans: spans}
	for n := range spans {
		if open[n] == 0 {
			ready.at = append(ready.at, n)
		}
	}
	heap.Init(ready)
	order, done := make([]int, 0, len(spans)), make([]bool, len(spans))
	var waiting []int
	for len(order) < len(spans) {
		for ready.Len() == 0 {
			if waiting == nil {
				waiting = ready.everyOne()
			}
			if first := waiting[0]; !done[first] {
				ready.at = append(ready.at, first)
			}
			waiting = waiting[1:]
		}
		n := heap.Pop(ready).(int)
		if done[n] {
			continue
		}
		done[n] = true
		order = append(order, n)
		if parent, known := at[spans[n].Parent]; known && spans[n].HasParent() {
			if open[parent]--; open[parent] == 0 {
				heap.Push(ready, parent)
			}
		}
	}
	return order
}

// byEnd is a heap of spans, the earliest end first.
type byEnd struct {
	spans []cost.Span
	at    []int
}

func (b *byEnd) everyOne() []int {
	all := make([]int, len(b.spans))
	isInOrder := true
	for n := range all {
		all[n] = n
		isInOrder = isInOrder && (n == 0 || b.compare(n-1, n) <= 0)
	}
	if !isInOrder {
		slices.SortFunc(all, b.compare)
	}
	return all
}

func (b *byEnd) compare(i, j int) int {
	left, right := &b.spans[i], &b.spans[j]
	if left.EndNs != right.EndNs {
		return cmp.Compare(left.EndNs, right.EndNs)
	}
	return cmp.Or(
		cmp.Compare(left.StartNs, right.StartNs),
		slices.Compare(left.Key.Trace[:], right.Key.Trace[:]), cmp.Compare(left.Key.ID, right.Key.ID),
	)
}

func (b *byEnd) Len() int           { return len(b.at) }
func (b *byEnd) Less(i, j int) bool { return b.compare(b.at[i], b.at[j]) < 0 }
func (b *byEnd) Swap(i, j int)      { b.at[i], b.at[j] = b.at[j], b.at[i] }
func (b *byEnd) Push(n any)         { b.at = append(b.at, n.(int)) }
func (b *byEnd) Pop() any {
	last := b.at[len(b.at)-1]
	b.at = b.at[:len(b.at)-1]
	return last
}

func haveParents(spans []cost.Span) bool {
	for n := range spans {
		if spans[n].HasParent() {
			return true
		}
	}
	return false
}
