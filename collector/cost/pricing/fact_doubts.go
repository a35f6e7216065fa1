// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// doubt returns the first doubt about the facts: a value without a rate, then a fact that was not reported.
func (c *RateCard) doubt(m *Match, e *entry, row *PeriodRow, answered map[string]bool) cost.Doubt {
	assumes := append(e.Assumes[:len(e.Assumes):len(e.Assumes)], row.Assumes...)
	for _, dimension := range c.Facts.mustBePriced {
		value, stated := m.Words[dimension]
		if !stated || answered[dimension] || e.isBase(dimension, value) || m.isReportedInstead(assumes, dimension) {
			continue
		}
		switch {
		case slices.Contains(c.Facts.places, dimension):
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonNoPlaceRate}
		case value == unknownFact:
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonUnknownTier}
		}
		return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonNoTierRate}
	}
	for _, assumed := range assumes {
		names := strings.Split(assumed, "|")
		if assumed != splitFact && !slices.ContainsFunc(names, func(name string) bool { return m.reported[name] }) {
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAssumedFact + ":" + names[0]}
		}
	}
	for _, dimension := range m.silentOn {
		if !m.reported[dimension] && m.depends(e, row, dimension) {
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAssumedFact + ":" + dimension}
		}
	}
	if m.ByRequest {
		return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonRequestedModel}
	}
	return cost.Doubt{}
}

// isBase reports whether the entry's own rates hold for a value of a fact.
func (e *entry) isBase(dimension, value string) bool {
	return slices.Contains(e.BaseFor[dimension], value) || slices.Contains(e.BaseFor[dimension], "*")
}

// isReportedInstead reports whether a fact was reported that reports enough in the place of another.
func (m *Match) isReportedInstead(assumes []string, dimension string) bool {
	for _, assumed := range assumes {
		if names := strings.Split(assumed, "|"); names[0] == dimension {
			return slices.ContainsFunc(names[1:], func(name string) bool { return m.reported[name] })
		}
	}
	return false
}

// depends reports whether a table or factor of the entry is for a value of a fact.
func (m *Match) depends(e *entry, row *PeriodRow, fact string) bool {
	for n := range row.Variants {
		if _, named := row.Variants[n].When[fact]; named {
			return true
		}
	}
	for _, index := range e.Modifiers {
		if _, named := m.Provider.Modifiers[index].When[fact]; named {
			return true
		}
	}
	return false
}
