// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// ruleRow is a rule of a dialect as compiled: on which spans its words mean something else than its tables state.
type ruleRow struct {
	When struct {
		Scope    []string         `json:"scope"`
		Versions string           `json:"versions"`
		Language []string         `json:"language"`
		Has      []string         `json:"has"`
		Without  []string         `json:"without"`
		Equals   map[string][]any `json:"equals"`
		Missing  []string         `json:"missing"`
		// AtLeast are figures that must be reported, with the least number of each.
		AtLeast  map[string]float64 `json:"at_least"`
		Provider []string           `json:"provider"`
		Name     []string           `json:"name"`
		// Like are attributes whose text fits one of the patterns; Unlike those whose text does not, or that are absent.
		Like   map[string][]string `json:"like"`
		Unlike map[string][]string `json:"not_like"`
	} `json:"when"`
	Then struct {
		Rename          map[string]string `json:"rename"`
		Kind            string            `json:"kind"`
		Operation       string            `json:"operation"`
		Provider        string            `json:"provider"`
		Doubt           []string          `json:"caveat"`
		Ignore          bool              `json:"ignore"`
		Drop            []string          `json:"drop"`
		ProviderInModel bool              `json:"provider_in_model"`
		// StripSuffix are ends to be taken off the texts of fields.
		StripSuffix map[string]string `json:"strip_suffix"`
	} `json:"then"`
}

// keySet is a set of the attribute keys that a program's rules ask for, by number.
type keySet [4]uint64

func (k *keySet) add(n int) { k[n>>6] |= 1 << (n & 63) }

func (k *keySet) contains(all *keySet) bool {
	return k[0]&all[0] == all[0] && k[1]&all[1] == all[1] && k[2]&all[2] == all[2] && k[3]&all[3] == all[3]
}

func (k *keySet) meets(any *keySet) bool {
	return k[0]&any[0]|k[1]&any[1]|k[2]&any[2]|k[3]&any[3] != 0
}

// rule is what holds on the spans it matches.
type rule struct {
	has, without    keySet
	equals          []equal
	missing         uint64
	atLeast         []least
	providers       []string
	names           []string
	rename          [][2]int
	isCall          bool
	isContainer     bool
	operation       string
	provider        string
	doubt           cost.Doubt
	ignore          bool
	drop            []int
	providerInModel bool
	like, unlike    []pattern
	cut             []end
}

type pattern struct {
	key   string
	texts []string
}

type end struct {
	field int
	text  string
}

type least struct {
	field  int
	number float64
}

type equal struct {
	key    string
	values []any
}

func (r *rule) matches(name string, attributes cost.Attributes, found *values, provider string) bool {
	if !found.present.contains(&r.has) || found.present.meets(&r.without) || found.reported&r.missing != 0 {
		return false
	}
	if len(r.providers) > 0 && !isOneOf(provider, r.providers) {
		return false
	}
	return r.holds(attributes, found) && (len(r.names) == 0 || nameMatches(r.names, name))
}

// holds reports whether the conditions about values hold.
func (r *rule) holds(attributes cost.Attributes, found *values) bool {
	for _, bound := range r.atLeast {
		value := found.has(bound.field)
		number, isFloat := value.Float()
		if whole, isWhole := value.Int(); isWhole {
			number = float64(whole)
		} else if !isFloat {
			return false
		}
		if !(number >= bound.number) {
			return false
		}
	}
	for n := range r.equals {
		if !r.equals[n].holds(attributes.Get(r.equals[n].key)) {
			return false
		}
	}
	for n := range r.like {
		if !r.like[n].holds(attributes) {
			return false
		}
	}
	for n := range r.unlike {
		if r.unlike[n].holds(attributes) {
			return false
		}
	}
	return true
}

func (e *equal) holds(found document.Value) bool {
	for _, value := range e.values {
		switch value := value.(type) {
		case string:
			if text, isText := found.Text(); isText && text == value {
				return true
			}
		case bool:
			if isNumber(found, boolInt(value)) {
				return true
			}
		case float64:
			if isNumber(found, value) {
				return true
			}
		}
	}
	return false
}

func (p *pattern) holds(attributes cost.Attributes) bool {
	text, isText := attributes.Get(p.key).Text()
	return isText && nameMatches(p.texts, text)
}

func patternsOf(texts map[string][]string) (found []pattern) {
	for _, key := range sortedKeys(texts) {
		found = append(found, pattern{key, texts[key]})
	}
	return found
}

// isNumber reports whether a value is a whole number, or true for 1 and false for 0.
func isNumber(found document.Value, number float64) bool {
	if found.Kind() == document.Bool {
		return boolInt(found.Bool()) == number
	}
	n, whole := found.Int()
	return whole && float64(n) == number
}

func boolInt(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func isOneOf(text string, texts []string) bool {
	for _, other := range texts {
		if text == other {
			return text != ""
		}
	}
	return false
}

// nameMatches reports whether a name is one of the patterns: a* matches by its beginning, *a by its end, *a* by what it
// contains.
func nameMatches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		switch {
		case pattern == "":
		case pattern[0] == '*' && pattern[len(pattern)-1] == '*':
			if strings.Contains(name, strings.Trim(pattern, "*")) {
				return true
			}
		case pattern[len(pattern)-1] == '*':
			if strings.HasPrefix(name, pattern[:len(pattern)-1]) {
				return true
			}
		case pattern[0] == '*':
			if strings.HasSuffix(name, pattern[1:]) {
				return true
			}
		case name == pattern:
			return true
		}
	}
	return false
}

var versionBound = regexp.MustCompile(`\s*(<=|>=|<|>|=)\s*([0-9][0-9.]*)\s*`)

// versionNumbers returns the leading numbers of a version: 0.62.4 is 0, 62, 4; 1.3b0 is 1, 3.
func versionNumbers(text string) []int {
	var numbers []int
	for _, part := range strings.Split(text, ".") {
		end := 0
		for end < len(part) && isDigit(part[end]) {
			end++
		}
		if end == 0 {
			break
		}
		number, _ := strconv.Atoi(part[:end])
		numbers = append(numbers, number)
		if end != len(part) {
			break
		}
	}
	return numbers
}

// versionWithin reports whether a version lies within bounds such as `>=0.38 <0.61`; one without numbers lies nowhere.
func versionWithin(text, bounds string) bool {
	found := versionNumbers(text)
	if len(found) == 0 {
		return false
	}
	for _, bound := range versionBound.FindAllStringSubmatch(bounds, -1) {
		order := compareVersions(found, versionNumbers(bound[2]))
		holds := map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "=": order == 0}
		if !holds[bound[1]] {
			return false
		}
	}
	return true
}

func compareVersions(left, right []int) int {
	for n := 0; n < max(len(left), len(right)); n++ {
		a, b := 0, 0
		if n < len(left) {
			a = left[n]
		}
		if n < len(right) {
			b = right[n]
		}
		if a != b {
			return a - b
		}
	}
	return 0
}
