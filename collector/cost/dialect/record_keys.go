// SPDX-License-Identifier: Apache-2.0

package dialect

import "encoding/json"

// RecordKeys are the attributes that the record of a call takes from a span beside usage and cost
// (semconv/dialects/record.yaml). Of each list the first key with a value counts.
type RecordKeys struct {
	Session       []string  `json:"session"`
	FirstToken    []TimeKey `json:"first_token"`
	PromptName    []string  `json:"prompt_name"`
	PromptVersion []string  `json:"prompt_version"`
}

// TimeKey is an attribute that holds a time, with the nanoseconds in one unit of its value.
type TimeKey struct {
	Key    string
	UnitNs int64
}

// UnmarshalJSON reads [key, nanoseconds].
func (k *TimeKey) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[2]any{&k.Key, &k.UnitNs})
}

// RecordKeys returns the attributes that the record of a call takes from a span.
func (d *Dialects) RecordKeys() *RecordKeys { return &d.recordKeys }
