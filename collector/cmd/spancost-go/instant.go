// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spancost/spancost/collector/cost/document"
)

var instantForm = regexp.MustCompile(
	`(?s)^(\d{4})-(\d{2})-(\d{2}).(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?)?$`)

// farthest from 1970 is an instant, in seconds, which in nanoseconds is an int64: from 1677 to 2262.
const farthest = 9_223_372_036

// nanoseconds returns an RFC 3339 time with its offset as nanoseconds since the epoch, cut to microseconds.
func nanoseconds(value document.Value) (int64, error) {
	stated, ok := value.Text()
	if !ok {
		return 0, fmt.Errorf("timestamp: found %s; expected a time such as 2026-11-21T12:00:00Z", kind(value))
	}
	ns, err := instantOf(strings.TrimSpace(stated))
	if err != nil {
		return 0, fmt.Errorf("timestamp: found %s (%w); expected a time such as 2026-11-21T12:00:00Z", document.Quoted(stated), err)
	}
	return ns, nil
}

func instantOf(stated string) (int64, error) {
	iso := strings.ReplaceAll(strings.ReplaceAll(stated, "Z", "+00:00"), "z", "+00:00")
	parts := instantForm.FindStringSubmatch(iso)
	if parts == nil {
		return 0, fmt.Errorf("%s isoformat string: %s", "Invalid", document.Quoted(iso))
	}
	field := func(n int) int { number, _ := strconv.Atoi(parts[n]); return number }
	year, month, day := field(1), field(2), field(3)
	hour, minute, second := field(4), field(5), field(6)
	switch {
	case year < 1:
		return 0, fmt.Errorf("year %d is out of range", year)
	case month < 1 || month > 12:
		return 0, errors.New("month must be in 1..12")
	case day < 1 || day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day():
		return 0, errors.New("day is out of range for month")
	case hour > 23:
		return 0, errors.New("hour must be in 0..23")
	case minute > 59:
		return 0, errors.New("minute must be in 0..59")
	case second > 59:
		return 0, errors.New("second must be in 0..59")
	case parts[8] == "":
		return 0, errors.New("it has no offset")
	}
	micros, _ := strconv.Atoi((parts[7] + "000000")[:6])
	offset := field(9)*3600 + field(10)*60 + field(11)
	if parts[8] == "-" {
		offset = -offset
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).Unix() - int64(offset)
	if at >= farthest || at <= -farthest {
		return 0, errors.New("it is centuries away")
	}
	return at*1_000_000_000 + int64(micros)*1_000, nil
}
