// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"math/bits"
	"slices"
	"sort"
)

const maxMeters = 64

// splitMeter is sold by a fact of its parts (how long they live), named splitFact.
const (
	splitMeter = "cache_write_tokens"
	splitFact  = "cache_ttl"
)

type unitRow struct {
	Implied    int64    `json:"implied"`
	Inside     []string `json:"inside"`
	Kind       string   `json:"kind"`
	Order      int      `json:"order"`
	ParentRate string   `json:"parent_rate"`
	Unreported string   `json:"unreported"`
	Per        int64    `json:"per"`
}

type Meter struct {
	name       string
	per        int64
	IsToken    bool
	isMeasure  bool
	parentRate string
	// implied is the quantity of a call that does not state it, where the meter has a rate.
	implied int64
	// ancestors are the meters that this one is inside of, nearest first; roots those of them that are inside of nothing.
	ancestors []int
	roots     []int
	// unreported: where this part is sold apart and not reported, what is left of its total is in doubt.
	unreported bool
	// inside are the meters that this one is directly inside of.
	inside []int
}

// Units is the closed list of meters, numbered in the order in which a bill names them.
type Units struct {
	Meters []Meter
	ByName map[string]int
	// split is the meter that is sold by a fact of its parts, -1 when there is none.
	splitBy      int
	deepestFirst []int
	// parts has a bit for each meter that is inside of another.
	parts uint64
}

func newUnits(table map[string]unitRow) (*Units, error) {
	if len(table) > maxMeters {
		return nil, &CardError{"units", "more than 64 meters", "at most 64"}
	}
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Slice(names, func(a, b int) bool {
		left, right := table[names[a]].Order, table[names[b]].Order
		return left < right || (left == right && names[a] < names[b])
	})
	units := &Units{ByName: make(map[string]int, len(names))}
	for n, name := range names {
		row := table[name]
		if row.ParentRate == "" {
			row.ParentRate = "none"
		}
		units.ByName[name] = n
		units.Meters = append(units.Meters, Meter{
			name: name, per: row.Per, IsToken: row.Kind == "token", isMeasure: row.Kind == "measure", parentRate: row.ParentRate, implied: row.Implied,
			unreported: row.Unreported != "",
		})
	}
	units.splitBy = -1
	if n, known := units.ByName[splitMeter]; known {
		units.splitBy = n
	}
	for n, name := range names {
		for _, parent := range table[name].Inside {
			units.Meters[n].inside = append(units.Meters[n].inside, units.ByName[parent])
			if _, known := units.ByName[parent]; !known {
				return nil, &CardError{"units, " + name, "inside " + parent, "a meter of the list"}
			}
		}
		units.Meters[n].ancestors = units.ancestorsOf(table, name)
		for _, above := range units.Meters[n].ancestors {
			if len(table[names[above]].Inside) == 0 {
				units.Meters[n].roots = append(units.Meters[n].roots, above)
			}
		}
		units.deepestFirst = append(units.deepestFirst, n)
		if len(units.Meters[n].ancestors) > 0 {
			units.parts |= 1 << n
		}
	}
	sort.SliceStable(units.deepestFirst, func(a, b int) bool {
		left, right := units.deepestFirst[a], units.deepestFirst[b]
		return len(units.Meters[left].ancestors) > len(units.Meters[right].ancestors)
	})
	return units, nil
}

func (u *Units) ancestorsOf(table map[string]unitRow, name string) []int {
	var found []int
	seen := map[string]bool{}
	queue := append([]string(nil), table[name].Inside...)
	for len(queue) > 0 {
		parent := queue[0]
		queue = queue[1:]
		if !seen[parent] {
			seen[parent] = true
			found = append(found, u.ByName[parent])
			queue = append(queue, table[parent].Inside...)
		}
	}
	return found
}

// unreportedPart returns the first of some parts that is directly inside of a meter, -1 when none is.
func (u *Units) unreportedPart(total int, parts uint64) int {
	for ; parts != 0; parts &= parts - 1 {
		if n := bits.TrailingZeros64(parts); slices.Contains(u.Meters[n].inside, total) {
			return n
		}
	}
	return -1
}
