// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// An instant that is no 64-bit number of nanoseconds is refused: as a number it would be another one, of another price.
func TestInstantsAreReadWhole(t *testing.T) {
	for _, row := range []struct {
		stated string
		ns     int64
		fault  string
	}{
		{"1970-01-01T00:00:01Z", 1_000_000_000, ""},
		{"2262-04-11T23:47:15Z", 9_223_372_035_000_000_000, ""},
		{"1677-09-21T00:12:45Z", -9_223_372_035_000_000_000, ""},
		{"2262-04-11T23:47:16Z", 0, "centuries away"},
		{"9999-12-31T23:59:59Z", 0, "centuries away"},
		{"1677-09-21T00:12:44.5Z", 0, "centuries away"},
		{"2026-11-18", 0, "Invalid"},
		{"2026-11-18T15:04:05", 0, "no offset"},
	} {
		ns, err := instantOf(row.stated)
		if ns != row.ns || (err == nil) != (row.fault == "") || (err != nil && !strings.Contains(err.Error(), row.fault)) {
			t.Errorf("%s: found %d, %v; expected %d, %q", row.stated, ns, err, row.ns, row.fault)
		}
	}
}
