// SPDX-License-Identifier: Apache-2.0

package detect

import "github.com/spancost/spancost/collector/cost"

// observation is what the detectors look at of one call, made once from its record for all rules.
type observation struct {
	spanID                               uint64
	startNs, endNs                       int64
	input, output, cacheRead, cacheWrite int64
	// cost is 0 when it is unknown.
	cost   cost.Femto
	failed bool
	model  string
	// writesHour: the call wrote to a cache that lives for an hour.
	writesHour bool
}

func observationOf(record *cost.CallRecord) *observation {
	found := &observation{
		spanID: record.Key.ID, startNs: record.StartNs, endNs: record.StartNs + record.DurationNs,
		failed: record.Error != "", model: record.Model,
	}
	if record.Cost.Known {
		found.cost = record.Cost.Femto
	}
	for i := range record.Usage {
		amount := &record.Usage[i]
		count, _ := amount.Quantity.Int()
		switch amount.Meter {
		case "input_tokens":
			found.input = count
		case "output_tokens":
			found.output = count
		case "cache_read_tokens":
			found.cacheRead = count
		case "cache_write_tokens":
			found.cacheWrite = count
		case "cache_write_1h_tokens":
			found.writesHour = count > 0
		}
	}
	found.writesHour = found.writesHour && found.cacheWrite != 0
	return found
}
