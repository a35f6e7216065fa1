// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// RuleSet holds the rules for everything, and those for features with others.
type RuleSet struct {
	standard Rules
	features map[string]*Rules
}

// RulesOfJSON reads rules as JSON holds them; see RulesOf.
func RulesOfJSON(content []byte, where string, base *RuleSet) (*RuleSet, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var given any
	if err := decoder.Decode(&given); err != nil {
		return nil, fmt.Errorf("%s: found no JSON (%w); expected rules", where, err)
	}
	return RulesOf(given, where, base)
}

// RulesOf reads rules from a document; what it leaves out is as in base, and without one nothing may be left out. The error
// names where, what was found and what was expected.
func RulesOf(given any, where string, base *RuleSet) (*RuleSet, error) {
	document, ok := given.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: found %v; expected a mapping with detectors: 1", where, given)
	}
	if version := fmt.Sprint(document["detectors"]); version != "1" {
		return nil, fmt.Errorf("%s: detectors: found %s; expected 1", where, version)
	}
	if err := known(where, document, "detectors", "limits", "rules", "features"); err != nil {
		return nil, err
	}
	found := &RuleSet{features: map[string]*Rules{}}
	if base != nil {
		found.standard = base.standard
		maps.Copy(found.features, base.features)
	}
	if err := readPart(where+": limits", document["limits"], &found.standard.limits, base != nil); err != nil {
		return nil, err
	}
	if err := found.standard.read(where, document["rules"], base != nil); err != nil {
		return nil, err
	}
	features, ok := orEmpty(document["features"])
	if !ok {
		return nil, fmt.Errorf("%s: features: found %v; expected a mapping of features", where, document["features"])
	}
	for _, name := range slices.Sorted(maps.Keys(features)) {
		rules := found.standard
		if err := rules.read(where+": features."+name, features[name], true); err != nil {
			return nil, err
		}
		found.features[name] = &rules
	}
	return found, nil
}

func (s *RuleSet) of(feature string) *Rules {
	if rules, ok := s.features[feature]; ok {
		return rules
	}
	return &s.standard
}

func (r *Rules) read(where string, written any, hasBase bool) error {
	given, ok := orEmpty(written)
	if !ok {
		return fmt.Errorf("%s: found %v; expected a mapping of rules", where, written)
	}
	parts := []struct {
		name string
		rule any
	}{
		{"retry_storm", &r.retryStorm}, {"tool_loop", &r.toolLoop}, {"cache_lost", &r.cacheLost}, {"runaway", &r.runaway},
		{"context_creep", &r.contextCreep}, {"fan_out", &r.fanOut}, {"model_changed", &r.modelChanged},
		{"spend_spike", &r.spendSpike}, {"unpriced_share", &r.unpricedShare}, {"untagged_share", &r.untaggedShare},
	}
	names := make([]string, len(parts))
	for i, each := range parts {
		names[i] = each.name
	}
	if err := known(where, given, names...); err != nil {
		return err
	}
	for _, each := range parts {
		if err := readPart(where+": "+each.name, given[each.name], each.rule, hasBase); err != nil {
			return err
		}
	}
	return nil
}

func readPart(where string, written, rule any, hasBase bool) error {
	given, ok := orEmpty(written)
	if !ok {
		return fmt.Errorf("%s: found %v; expected a mapping", where, written)
	}
	value := reflect.ValueOf(rule).Elem()
	names := make([]string, value.NumField())
	for i := range names {
		name, unit, _ := strings.Cut(value.Type().Field(i).Tag.Get("rule"), ",")
		names[i] = name
		found, ok := given[name]
		if !ok {
			if !hasBase {
				return fmt.Errorf("%s: found no %s; expected one", where, name)
			}
			continue
		}
		parts, _ := strconv.ParseInt(unit, 10, 64)
		if err := readField(where+"."+name, name, found, parts, value.Field(i)); err != nil {
			return err
		}
	}
	return known(where, given, names...)
}

func readField(where, name string, found any, unit int64, into reflect.Value) error {
	switch field := into.Addr().Interface().(type) {
	case *bool:
		flag, ok := found.(bool)
		if !ok {
			return fmt.Errorf("%s: found %v; expected true or false", where, found)
		}
		*field = flag
	case *string:
		text, ok := found.(string)
		if !ok {
			return fmt.Errorf("%s: found %v; expected a sentence", where, found)
		}
		*field = text
	case *cost.Femto:
		amount, ok := cost.FemtoFromText(fmt.Sprint(found))
		if !ok || amount.Cmp(cost.Femto{}) < 0 {
			return fmt.Errorf("%s: found %v; expected a number of dollars", where, found)
		}
		*field = amount
	case *int64:
		n, err := whole(where, found, unit)
		if err != nil {
			return err
		}
		least := int64(1)
		if unit > 1 || strings.HasSuffix(name, "tokens") {
			least = 0
		}
		if strings.HasSuffix(name, "_ratio") {
			n, err = ratio(where, found)
			if err != nil {
				return err
			}
		} else if n < least && name != "other_pace" && !strings.HasSuffix(name, "_points") {
			return fmt.Errorf("%s: found %v; expected at least %d", where, found, least)
		}
		*field = n
	case *[]int64:
		list, ok := found.([]any)
		if !ok || len(list) != 3 {
			return fmt.Errorf("%s: found %v; expected a list of 3 numbers", where, found)
		}
		*field = make([]int64, len(list))
		for i, each := range list {
			var err error
			if (*field)[i], err = whole(where, each, unit); err != nil {
				return err
			}
		}
	case *usualValue:
		pair, ok := found.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("%s: found %v; expected a value and a ratio", where, found)
		}
		var err error
		if field.value, err = whole(where, pair[0], 1000); err != nil {
			return err
		}
		if field.ratio, err = ratio(where, pair[1]); err != nil {
			return err
		}
	case *table:
		rows, err := readTable(where, found)
		if err != nil {
			return err
		}
		*field = rows
	}
	return nil
}

func readTable(where string, found any) (table, error) {
	list, ok := found.([]any)
	rows := make(table, len(list))
	for i, each := range list {
		pair, isPair := each.([]any)
		if !isPair || len(pair) != 2 {
			ok = false
			break
		}
		var err error
		if rows[i].bound, err = ratio(where, pair[0]); err != nil {
			return nil, err
		}
		if rows[i].points, err = whole(where, pair[1], 100); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, fmt.Errorf("%s: found %v; expected a list of pairs", where, found)
	}
	return rows, nil
}

// ratio returns a ratio of at least 1 in units of a logarithm.
func ratio(where string, found any) (int64, error) {
	value, err := whole(where, found, 1000)
	if err == nil && value < 1000 {
		err = fmt.Errorf("%s: found %v; expected at least 1", where, found)
	}
	if err != nil {
		return 0, err
	}
	return units(value) - units(1000), nil
}

// whole returns a number as a whole number of the unit-th part of one.
func whole(where string, found any, unit int64) (int64, error) {
	if _, isBool := found.(bool); isBool {
		return 0, fmt.Errorf("%s: found %v; expected a number", where, found)
	}
	exact, ok := new(big.Rat).SetString(fmt.Sprint(found))
	if !ok {
		return 0, fmt.Errorf("%s: found %v; expected a number", where, found)
	}
	exact.Mul(exact, new(big.Rat).SetInt64(unit))
	if !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, fmt.Errorf("%s: found %v; expected at most %d parts of one", where, found, unit)
	}
	return exact.Num().Int64(), nil
}

func orEmpty(written any) (map[string]any, bool) {
	if written == nil {
		return nil, true
	}
	found, ok := written.(map[string]any)
	return found, ok
}

func known(where string, found map[string]any, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%s: found %q; expected one of %s", where, name, strings.Join(names, ", "))
		}
	}
	return nil
}
