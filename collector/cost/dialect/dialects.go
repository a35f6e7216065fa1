// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spancost/spancost/collector/cost"
)

const (
	dialectFormat = 1
	scopesKept    = 1024
	// maxRules is how many bits Layout has for the rules of a dialect.
	maxRules = 64
)

type dialectRow struct {
	ID       string   `json:"id"`
	Scopes   []string `json:"scopes"`
	DetectBy []string `json:"detect_by"`
	// DetectAlways are keys that make a span this dialect's, whatever its scope.
	DetectAlways []string `json:"detect_always"`
	// Detached are scopes that are known to write a call into a trace of its own.
	Detached []string `json:"detached"`
	// Replays are scopes that report an answer from the application's own cache as a call, with the first one's id.
	Replays    []string             `json:"replays"`
	Nests      []string             `json:"nests"`
	Beside     []string             `json:"beside"`
	Default    [2]string            `json:"default"`
	Keys       map[string][]string  `json:"keys"`
	Responses  map[string][]string  `json:"responses"`
	Operations map[string][2]string `json:"operations"`
	Providers  map[string]string    `json:"providers"`
	Rules      []ruleRow            `json:"rules"`
	// IsOwn: described by people, and before those that come along. Provider is who sells where no key reports.
	IsOwn    bool   `json:"-"`
	Provider string `json:"-"`
	// EmptyValues are texts that report nothing. ResponsesAlone: responses are read where no attribute reports a count.
	EmptyValues    []string `json:"empty_values"`
	ResponsesAlone bool     `json:"responses_alone"`
	// Source states which signal counts of an emitter that reports calls as spans and as log records.
	Source *Source `json:"source"`
}

// Dialects is every dialect, ready to read spans. It is safe for use by many goroutines.
type Dialects struct {
	names         Names
	readResponses bool
	rows          []dialectRow
	byID          map[string]*dialectRow
	fallback      string
	twoSided      []string
	cachedOutside []string
	// statedCosts are operations whose spans may state a cost of their own and no usage.
	statedCosts []string
	identity    *Identity
	// defaults are providers by patterns of scopes, of calls whose spans name none.
	defaults [][2]string
	// meters are those beyond tokens of text that a key can report.
	meters       []string
	fields       *fieldTable
	detectAlways [][2]string
	markers      keyFilter
	detecting    keyFilter
	responseIDs  responseIDKeys
	failures     failures
	// recordKeys are what the record of a call takes from a span.
	recordKeys RecordKeys

	mutex    sync.RWMutex
	scopes   map[string]string
	programs map[programKey]*program
}

// Names puts names of providers and hosts into values of gen_ai.provider.name, "" for none.
type Names interface {
	Canonical(name, serverAddress string) string
}

type programKey struct{ dialect, scope, version, language string }

// Options state how dialects are read. ReadResponses: where an emitter reports tokens and put the provider's answer
// into an attribute, figures that it reports nowhere else are taken from that answer's usage member.
// Emitters, when there are any, are the content of a file of emitters, as JSON.
type Options struct {
	ReadResponses bool
	Emitters      []byte
}

// NewDialects returns the compiled dialects, ready to read; names are the providers' names.
func NewDialects(compiled []byte, names Names, options Options) (*Dialects, error) {
	var table struct {
		Dialects []dialectRow `json:"dialects"`
		Errors   failures     `json:"errors"`
		Fallback string       `json:"fallback"`
		TwoSided []string     `json:"two_sided"`
		Meters   []string     `json:"meters"`
		// StatedCosts are operations whose spans may state a cost of their own and no usage.
		StatedCosts []string `json:"costs_without_usage"`
		// CachedOutside are providers whose own input leaves the cached part out.
		CachedOutside []string    `json:"input_without_cache"`
		Format        int         `json:"format"`
		Identity      identityRow `json:"identity"`
		Record        RecordKeys  `json:"record"`
	}
	if err := json.Unmarshal(compiled, &table); err != nil {
		return nil, fmt.Errorf("compiled dialects: %w", err)
	}
	if table.Format != dialectFormat {
		return nil, fmt.Errorf("compiled dialects: found format %d; expected %d", table.Format, dialectFormat)
	}
	d := &Dialects{
		names: names, readResponses: options.ReadResponses, rows: table.Dialects, fallback: table.Fallback, twoSided: table.TwoSided, cachedOutside: table.CachedOutside, statedCosts: table.StatedCosts, meters: table.Meters,
		fields: newFieldTable(),
		byID:   map[string]*dialectRow{}, scopes: map[string]string{}, programs: map[programKey]*program{},
		failures: table.Errors, recordKeys: table.Record,
	}
	if err := d.describe(options.Emitters); err != nil {
		return nil, err
	}
	var err error
	if d.identity, err = newIdentity(&table.Identity, d.rows); err != nil {
		return nil, err
	}
	for n := range d.rows {
		row := &d.rows[n]
		d.byID[row.ID] = row
		d.responseIDs.add(row)
		if len(row.Rules) > maxRules {
			return nil, fmt.Errorf("compiled dialects, %s: found %d rules; expected at most %d", row.ID, len(row.Rules), maxRules)
		}
		for _, field := range sortedKeys(row.Keys) {
			keys := row.Keys[field]
			number, fits := d.fields.enter(field)
			if !fits {
				return nil, fmt.Errorf("compiled dialects, %s: found field %q; expected at most %d", row.ID, field, fieldCount)
			}
			if number < figureCount || number == fieldOperation || number == fieldReportedCost {
				for _, key := range keys {
					attribute, _, _ := strings.Cut(key, "$")
					d.markers.add(attribute)
				}
			}
		}
		for _, field := range sortedKeys(row.Responses) {
			if _, fits := d.fields.enter(field); !fits {
				return nil, fmt.Errorf("compiled dialects, %s: found field %q; expected at most %d", row.ID, field, fieldCount)
			}
		}
		for _, key := range row.DetectAlways {
			d.detectAlways = append(d.detectAlways, [2]string{key, row.ID})
		}
		for _, key := range row.DetectBy {
			d.detecting.add(key)
		}
	}
	if d.byID[d.fallback] == nil {
		return nil, fmt.Errorf("compiled dialects: found fallback %q; expected a dialect", d.fallback)
	}
	return d, nil
}

// Identity is which response ids and processes identify a call.
func (d *Dialects) Identity() *Identity { return d.identity }

// IsMarker reports whether a span that carries this key may report a model call; one without such a key does not.
func (d *Dialects) IsMarker(key string) bool { return d.markers.has(key) }

// Read puts what a span reports about a model call into a reading; false when it reports nothing. It does not fail on what
// attributes hold: a value of a wrong type is a doubt of the reading.
func (d *Dialects) Read(span *cost.Span, r *Reader, into *cost.Reading) bool {
	for n := range span.Attributes {
		if d.markers.has(span.Attributes[n].Key) {
			return d.program(span).read(span, r, into)
		}
	}
	return false
}

// Operation returns our word for a span's operation, and whether it is a model call; "" when the span names none.
func (d *Dialects) Operation(span *cost.Span) (operation string, isCall bool) {
	for n := range span.Attributes {
		if d.markers.has(span.Attributes[n].Key) {
			return d.program(span).operationOf(span)
		}
	}
	return "", false
}

func (d *Dialects) program(span *cost.Span) *program {
	dialect := d.dialectOf(span)
	key := programKey{dialect, span.ScopeName, span.ScopeVersion, span.Language}
	d.mutex.RLock()
	found := d.programs[key]
	d.mutex.RUnlock()
	if found != nil {
		return found
	}
	found = newProgram(d.byID[dialect], key, d)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if len(d.programs) >= scopesKept {
		d.programs = map[programKey]*program{}
	}
	key.scope, key.version, key.language = strings.Clone(key.scope), strings.Clone(key.version), strings.Clone(key.language)
	d.programs[key] = found
	return found
}

func (d *Dialects) dialectOf(span *cost.Span) string {
	for _, claim := range d.detectAlways {
		if span.Attributes.Has(claim[0]) {
			return claim[1]
		}
	}
	d.mutex.RLock()
	dialect, known := d.scopes[span.ScopeName]
	d.mutex.RUnlock()
	if !known {
		dialect = d.dialectOfScope(span.ScopeName)
		d.mutex.Lock()
		if len(d.scopes) >= scopesKept {
			d.scopes = map[string]string{}
		}
		d.scopes[strings.Clone(span.ScopeName)] = dialect
		d.mutex.Unlock()
	}
	if dialect == "" {
		return d.dialectOfKeys(span.Attributes)
	}
	return dialect
}

// dialectOfScope returns the dialect whose scope pattern fits best (the longest one), "" when none does.
func (d *Dialects) dialectOfScope(scope string) string {
	best, chosen := -1, ""
	for n := range d.rows {
		for _, pattern := range d.rows[n].Scopes {
			rank := len(pattern)
			if d.rows[n].IsOwn {
				rank += 1 << 20
			}
			if rank > best && nameMatches([]string{pattern}, scope) {
				best, chosen = rank, d.rows[n].ID
			}
		}
	}
	return chosen
}

// describe puts the emitters that people describe before the dialects that come along.
func (d *Dialects) describe(content []byte) error {
	if len(content) == 0 {
		return nil
	}
	var base *dialectRow
	for n := range d.rows {
		if d.rows[n].ID == d.fallback {
			base = &d.rows[n]
		}
	}
	if base == nil {
		return fmt.Errorf("compiled dialects: found fallback %q; expected a dialect", d.fallback)
	}
	own, err := newEmitters(content, d.rows, base, d.meters)
	if err != nil {
		return err
	}
	d.rows, d.defaults = append(own.rows, d.rows...), own.providers
	return nil
}

// defaultProvider returns the provider of calls whose spans name none, as people state it by scope or for an emitter of their
// own; "" for none.
func (d *Dialects) defaultProvider(row *dialectRow, scope string) string {
	longest, found := -1, row.Provider
	for _, pair := range d.defaults {
		if len(pair[0]) > longest && nameMatches(pair[:1], scope) {
			longest, found = len(pair[0]), pair[1]
		}
	}
	if found == "" {
		return ""
	}
	return d.names.Canonical(found, "")
}

// dialectOfKeys returns the first dialect one of whose telling keys is there: the scope is unknown.
func (d *Dialects) dialectOfKeys(attributes cost.Attributes) string {
	var found []string
	for n := range attributes {
		if d.detecting.has(attributes[n].Key) {
			found = append(found, attributes[n].Key)
		}
	}
	if len(found) > 0 {
		for n := range d.rows {
			for _, key := range d.rows[n].DetectBy {
				if slices.Contains(found, key) {
					return d.rows[n].ID
				}
			}
		}
	}
	return d.fallback
}

func sortedKeys[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

// Source states which signal counts of an emitter that reports calls as spans and as log records, and which attributes name
// the session.
type Source struct {
	Prefer  string   `json:"prefer"`
	Session []string `json:"session"`
}

// Source returns the dialect of a span and its source, nil for an emitter of one signal.
func (d *Dialects) Source(span *cost.Span) (dialect string, source *Source) {
	row := d.byID[d.dialectOf(span)]
	return row.ID, row.Source
}
