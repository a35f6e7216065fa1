// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// EmitterError states what is wrong with a description of emitters: where, what was found, what was expected.
type EmitterError struct{ text string }

func (e *EmitterError) Error() string { return e.text }

var (
	emitterKeys = []string{
		"name", "scopes", "detect_by", "operation", "provider", "keys", "input_holds_cached", "output_holds_reasoning",
	}
	emitterTexts = []string{
		"operation", "provider", "model", "request_model", "response_id", "finish_reason", "service_tier", "processing",
		"server_address", "reported_cost_usd",
	}
	emitterMeters = []string{
		"input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_5m_tokens",
		"cache_write_30m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens", "reasoning_tokens",
	}
	emitterName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// emitters are what people describe of emitters that nobody has met: dialects of their own, before those that come along,
// and by patterns of scopes the provider of calls whose spans name none.
type emitters struct {
	rows      []dialectRow
	providers [][2]string
}

// newEmitters reads the content of a file of emitters, as JSON. known are the dialects that come along, further their
// meters beyond tokens of text.
func newEmitters(content []byte, known []dialectRow, base *dialectRow, further []string) (*emitters, error) {
	var file any
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, &EmitterError{"emitters file: " + err.Error()}
	}
	top, err := emitterMapping(file, "emitters file", []string{"emitters"}, "")
	if err != nil {
		return nil, err
	}
	rows, isList := top["emitters"].([]any)
	if !isList {
		return nil, wrongEmitter("emitters", top["emitters"], "a list")
	}
	fields := slices.Concat(emitterTexts, emitterMeters, further)
	slices.Sort(fields)
	fields = slices.Compact(fields)
	taken := map[string]bool{}
	for n := range known {
		taken[known[n].ID] = true
	}
	found := &emitters{}
	for number, each := range rows {
		if err := found.add(each, fmt.Sprintf("emitters[%d]", number), taken, base, fields); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (e *emitters) add(each any, where string, taken map[string]bool, base *dialectRow, fields []string) error {
	described, err := emitterMapping(each, where, emitterKeys, "")
	if err != nil {
		return err
	}
	row := emitterRow{described, where, nil}
	scopes, detectBy, provider := row.texts("scopes"), row.texts("detect_by"), row.text("provider")
	_, hasKeys := described["keys"]
	switch {
	case row.err != nil:
	case hasKeys && len(scopes) == 0 && len(detectBy) == 0:
		return &EmitterError{where + ": found neither scopes nor detect_by; expected one of them beside keys"}
	case hasKeys:
		name := row.text("name")
		if row.err == nil && (!emitterName.MatchString(name) || taken[name]) {
			return wrongEmitter(where+".name", name, "small letters, digits and _, and no name of a dialect")
		}
		taken[name] = true
		made := row.dialect(name, scopes, detectBy, base, fields)
		made.Provider = provider
		e.rows = append(e.rows, made)
	case provider == "":
		return &EmitterError{where + ": found neither keys nor provider; expected one of them"}
	}
	if row.err != nil {
		return row.err
	}
	if provider != "" {
		if len(scopes) == 0 && len(detectBy) == 0 {
			scopes = []string{"*"}
		}
		for _, pattern := range scopes {
			e.providers = append(e.providers, [2]string{pattern, provider})
		}
	}
	return nil
}

// emitterRow reads one description; err is the first fault.
type emitterRow struct {
	of    map[string]any
	where string
	err   error
}

// dialect returns the dialect of one description: its own keys before those of the conventions.
func (r *emitterRow) dialect(name string, scopes, detectBy []string, base *dialectRow, fields []string) dialectRow {
	made := dialectRow{
		ID: name, IsOwn: true, Scopes: scopes, DetectBy: detectBy, Default: [2]string{"call", "chat"},
		Keys: maps.Clone(base.Keys), Operations: base.Operations, Providers: base.Providers,
	}
	described, err := emitterMapping(r.of["keys"], r.where+".keys", fields, "a meter, total_tokens, or one of "+strings.Join(emitterTexts, ", "))
	if err != nil && r.err == nil {
		r.err = err
	}
	keys := emitterRow{described, r.where + ".keys", nil}
	for _, field := range sortedKeys(described) {
		own := keys.texts(field)
		for _, key := range made.Keys[field] {
			if !slices.Contains(own, key) {
				own = append(own, key)
			}
		}
		made.Keys[field] = own
	}
	if keys.err != nil && r.err == nil {
		r.err = keys.err
	}
	means := map[string]string{}
	if !r.boolean("input_holds_cached") {
		means["input_tokens"] = "uncached_input_tokens"
	}
	if !r.boolean("output_holds_reasoning") {
		means["output_tokens"] = "visible_output_tokens"
	}
	if len(means) > 0 {
		var rule ruleRow
		rule.Then.Rename = means
		made.Rules = []ruleRow{rule}
	}
	switch operation := r.text("operation"); operation {
	case "":
	case "container":
		made.Default = [2]string{"container", "unknown"}
	default:
		made.Default[1] = operation
	}
	return made
}

func (r *emitterRow) fail(key string, found any, expected string) {
	if r.err == nil {
		r.err = wrongEmitter(r.where+"."+key, found, expected)
	}
}

func (r *emitterRow) text(key string) string {
	value := r.of[key]
	text, isText := value.(string)
	if value != nil && (!isText || strings.TrimSpace(text) == "") {
		r.fail(key, value, "a string")
	}
	return text
}

func (r *emitterRow) texts(key string) (found []string) {
	value, held := r.of[key]
	if !held {
		return nil
	}
	values, isList := value.([]any)
	if text, isText := value.(string); isText {
		values, isList = []any{text}, true
	}
	for _, each := range values {
		text, isText := each.(string)
		isList = isList && isText && strings.TrimSpace(text) != ""
		found = append(found, text)
	}
	if !isList {
		r.fail(key, value, "a string, or a list of strings")
	}
	return found
}

func (r *emitterRow) boolean(key string) bool {
	value, held := r.of[key]
	if !held {
		return true
	}
	truth, isTruth := value.(bool)
	if !isTruth {
		r.fail(key, value, "a boolean, true or false")
	}
	return truth
}

func emitterMapping(value any, where string, allowed []string, expected string) (map[string]any, error) {
	found, isMapping := value.(map[string]any)
	if !isMapping {
		return nil, wrongEmitter(where, value, "a mapping of keys to values")
	}
	for _, key := range sortedKeys(found) {
		if !slices.Contains(allowed, key) {
			return nil, wrongEmitter(where, key, cmp.Or(expected, "some of "+strings.Join(allowed, ", ")))
		}
	}
	return found, nil
}

func wrongEmitter(where string, found any, expected string) error {
	shown := ""
	switch found := found.(type) {
	case string:
		shown = found
	case nil:
		shown = "nothing"
	case bool:
		shown = "a bool"
	case float64:
		shown = "a number"
	case []any:
		shown = "a list"
	default:
		shown = "a dict"
	}
	return &EmitterError{fmt.Sprintf("%s: found %s; expected %s", where, shown, expected)}
}
