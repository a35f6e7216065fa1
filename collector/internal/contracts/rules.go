// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spancost/spancost/collector/cost/document"
)

// Each rule returns what a value states, or what was expected in its place.

var (
	amountForm  = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,20})?$`)
	percentForm = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,10})?) ?%$`)
	shareForm   = regexp.MustCompile(`^([0-9]{1,9})/([0-9]{1,9})$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	dayForm     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	instantForm = regexp.MustCompile(
		`^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:\.0{3}(?:0{3})?)?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$`)
)

// written returns a text or a whole number as text, "" for anything else.
func written(value document.Value) string {
	if n, whole := value.Int(); whole {
		return strconv.FormatInt(n, 10)
	}
	text, _ := value.Text()
	return text
}

func rational(text string) *big.Rat {
	found, _ := new(big.Rat).SetString(text)
	return found
}

func amount(value document.Value) (*big.Rat, string) {
	if text := written(value); amountForm.MatchString(text) {
		return rational(text), ""
	}
	return nil, "an amount in USD of 0 or more, without a sign or a currency, such as 2.10"
}

func count(value document.Value) (*big.Rat, string) {
	if text := written(value); amountForm.MatchString(text) && rational(text).Sign() > 0 {
		return rational(text), ""
	}
	return nil, "a number above 0"
}

func percent(value document.Value) (*big.Rat, string) {
	found := percentForm.FindStringSubmatch(written(value))
	if found == nil || rational(found[1]).Cmp(big.NewRat(100, 1)) > 0 {
		return nil, "a part of the price from 0% to 100%, such as 12%"
	}
	return rational(found[1]).Mul(rational(found[1]), big.NewRat(1, 100)), ""
}

func share(value document.Value) (*big.Rat, string) {
	text := written(value)
	found := new(big.Rat)
	if parts := shareForm.FindStringSubmatch(text); parts != nil && rational(parts[2]).Sign() > 0 {
		found = new(big.Rat).Quo(rational(parts[1]), rational(parts[2]))
	} else if parts := percentForm.FindStringSubmatch(text); parts != nil {
		found = new(big.Rat).Quo(rational(parts[1]), big.NewRat(100, 1))
	} else if amountForm.MatchString(text) {
		found = rational(text)
	}
	if found.Sign() <= 0 || found.Cmp(big.NewRat(1, 1)) > 0 {
		return nil, "a share above 0 and up to 1, such as 1/8, 0.125 or 12.5%"
	}
	return found, ""
}

// instant returns seconds since the epoch.
func instant(value document.Value) (int64, string) {
	const expected = "a day, such as 2026-07-01 (0:00 UTC), or a second, such as 2026-07-01T08:00:00Z"
	text := written(value)
	if dayForm.MatchString(text) {
		text += "T00:00:00Z"
	}
	parts := instantForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, expected
	}
	if parts[3] == "" {
		parts[3] = ":00"
	}
	at, err := time.Parse("2006-01-02T15:04:05", parts[1]+"T"+parts[2]+parts[3])
	hours, _ := strconv.ParseInt("0"+parts[5], 10, 64)
	minutes, _ := strconv.ParseInt("0"+parts[6], 10, 64)
	if err != nil || at.Year() < 1 || hours > 23 || minutes > 59 {
		return 0, expected
	}
	offset := hours*3600 + minutes*60
	if parts[4] == "-" {
		offset = -offset
	}
	return at.Unix() - offset, ""
}

func name(value document.Value) (string, string) {
	found, _ := value.Text()
	if !nameForm.MatchString(found) {
		return "", "a name of letters, digits, '.', '_' and '-', at most 64"
	}
	return found, ""
}

func text(value document.Value) (string, string) {
	found := strings.TrimFunc(written(value), isSpace)
	if found == "" || utf8.RuneCountInString(found) > 512 {
		return "", "a string (in quotes, where YAML takes it for something else)"
	}
	return found, ""
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

func attributeKey(value document.Value) (string, string) {
	found, _ := value.Text()
	if found == "" || strings.ContainsFunc(found, isSpace) {
		return "", "the name of an attribute"
	}
	return found, ""
}

func attributeKeys(value document.Value) ([]string, string) { return oneOrMore(value, attributeKey) }

// oneOrMore reads a value, or each of a list, by one rule.
func oneOrMore(value document.Value, rule func(document.Value) (string, string)) ([]string, string) {
	values := value.Items()
	if value.Kind() != document.List {
		values = []document.Value{value}
	}
	var found []string
	for _, item := range values {
		read, expected := rule(item)
		if expected != "" {
			return nil, expected
		}
		found = append(found, read)
	}
	return found, ""
}

func condition(value document.Value) (string, string) {
	found, expected := text(value)
	if expected != "" {
		return "", expected
	}
	stars := strings.Count(found, "*")
	if stars > 1 || (stars == 1 && found[0] != '*' && found[len(found)-1] != '*') {
		return "", "a string, or one that begins or ends in one '*'"
	}
	return found, ""
}

func conditions(value document.Value) ([]string, string) {
	found, expected := oneOrMore(value, condition)
	if expected != "" {
		return nil, expected
	}
	different := slices.Clone(found)
	slices.Sort(different)
	if len(found) == 0 || len(slices.Compact(different)) < len(found) || len(found) > 100 {
		return nil, "a string, or a list of up to 100 different ones"
	}
	return found, ""
}

func modifiers(value document.Value) ([]string, string) {
	if all, _ := value.Text(); all == "all" {
		return []string{"*"}, ""
	}
	if value.Kind() != document.List || len(value.Items()) == 0 {
		return nil, "all, or a list of names of the rate card's modifiers"
	}
	found, expected := oneOrMore(value, text)
	slices.Sort(found)
	return slices.Compact(found), expected
}
