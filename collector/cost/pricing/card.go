// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/spancost/spancost/collector/cost"
)

const cardFormat = 1

var cardVersion = regexp.MustCompile(`^[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}$`)

// CardError means that a rate card cannot be used: where, what was found and what was expected.
type CardError struct{ Where, Found, Expected string }

func (e *CardError) Error() string {
	return fmt.Sprintf("%s: found %s; expected %s", e.Where, e.Found, e.Expected)
}

// RateCard is an immutable card of rates. It is safe for use by many goroutines.
type RateCard struct {
	version       string
	date          string
	Units         *Units
	ProviderNames *ProviderNames
	Models        *modelNames
	Facts         *factWords
	calendars     map[string]map[int64]bool
	lines         map[string][]byte

	mutex     sync.Mutex
	providers map[string]*ProviderLine
}

type sharedPart struct {
	Calendars map[string][]int64 `json:"calendars"`
	Date      *string            `json:"date"`
	Names     *nameTable         `json:"names"`
	Providers []string           `json:"providers"`
	Sellers   []string           `json:"sellers"` // in cards released before 2026-11-30
	Units     map[string]unitRow `json:"units"`
}

// missing returns the first key that is not there, "" when all are.
func (s *sharedPart) missing() string {
	switch {
	case s.Calendars == nil:
		return "calendars"
	case s.Date == nil:
		return "date"
	case s.Names == nil:
		return "names"
	case s.Providers == nil:
		return "providers"
	case s.Units == nil:
		return "units"
	}
	return ""
}

// NewRateCard returns the card held by its canonical bytes (pricing/SPEC.md); where names them in errors.
func NewRateCard(canonical []byte, where string) (*RateCard, error) {
	head, body, _ := bytes.Cut(canonical, []byte("\n"))
	var first struct {
		Format  json.RawMessage `json:"format"`
		Version string          `json:"version"`
	}
	if err := json.Unmarshal(head, &first); err != nil {
		return nil, notJSON(where+", line 1", head, err)
	}
	if string(first.Format) != fmt.Sprint(cardFormat) {
		return nil, &CardError{where + ", line 1, format", string(first.Format), fmt.Sprint(cardFormat)}
	}
	if !cardVersion.MatchString(first.Version) {
		return nil, &CardError{where + ", line 1, version", fmt.Sprintf("%q", first.Version), "YYYY.MM.DD-<12 hex digits>"}
	}
	sum := sha256.Sum256(body)
	if found := hex.EncodeToString(sum[:])[:12]; found != first.Version[11:] {
		return nil, &CardError{where, "content with hash " + found, "that of version " + first.Version}
	}
	lines := bytes.Split(body, []byte("\n"))
	var shared sharedPart
	if err := json.Unmarshal(lines[0], &shared); err != nil {
		return nil, notJSON(where+", line 2", lines[0], err)
	}
	if shared.Providers == nil {
		shared.Providers = shared.Sellers
	}
	if key := shared.missing(); key != "" {
		return nil, &CardError{where + ", line 2", "no key '" + key + "'", "it"}
	}
	if len(lines[len(lines)-1]) != 0 || len(lines)-2 != len(shared.Providers) {
		return nil, &CardError{where, fmt.Sprint(len(lines)-2, " lines of providers"), fmt.Sprint(len(shared.Providers))}
	}
	if *shared.Date != first.Version[:10] {
		return nil, &CardError{where + ", line 2, date", *shared.Date, "that of version " + first.Version}
	}
	card := &RateCard{version: first.Version, date: *shared.Date, providers: map[string]*ProviderLine{}, lines: map[string][]byte{}}
	for n, name := range shared.Providers {
		card.lines[name] = lines[n+1]
	}
	return card, card.share(&shared)
}

func (c *RateCard) share(shared *sharedPart) error {
	var err error
	if c.Units, err = newUnits(shared.Units); err != nil {
		return err
	}
	c.ProviderNames = newProviderNames(shared.Names)
	if c.Models, err = newModelNames(shared.Names, c.ProviderNames); err != nil {
		return err
	}
	if c.Facts, err = newFactWords(shared.Names); err != nil {
		return err
	}
	c.calendars = map[string]map[int64]bool{}
	for name, days := range shared.Calendars {
		c.calendars[name] = map[int64]bool{}
		for _, day := range days {
			c.calendars[name][day] = true
		}
	}
	return nil
}

// Version is what goes into llm.pricing_version.
func (c *RateCard) Version() string { return c.version }

// Date is the card's day, YYYY.MM.DD.
func (c *RateCard) Date() string { return c.date }

// Providers are the providers' names.
func (c *RateCard) Providers() *ProviderNames { return c.ProviderNames }

// Check reads every provider's line and keeps none: a line is read again when it is first needed. A process that prices calls of
// a few providers holds the rates of those only, which its garbage collector visits again and again.
func (c *RateCard) Check() error {
	for name := range c.lines {
		if _, err := c.read(name); err != nil {
			return err
		}
	}
	return nil
}

// provider returns the card's line of one provider, nil when it has none.
func (c *RateCard) provider(name string) (*ProviderLine, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if found := c.providers[name]; found != nil {
		return found, nil
	}
	if _, known := c.lines[name]; !known {
		return nil, nil
	}
	found, err := c.read(name)
	if err == nil {
		c.providers[name] = found
	}
	return found, err
}

// read reads the line of a provider that the card has.
func (c *RateCard) read(name string) (*ProviderLine, error) {
	line, found := c.lines[name], &ProviderLine{name: name}
	where := fmt.Sprintf("rate card %s, provider %s", c.version, name)
	if err := json.Unmarshal(line, found); err != nil {
		return nil, notJSON(where, line, err)
	}
	if err := found.check(where, c); err != nil {
		return nil, err
	}
	return found, nil
}

func notJSON(where string, line []byte, err error) error {
	return &CardError{where, fmt.Sprintf("%.40q", line), fmt.Sprintf("a JSON object of the card's form (%v)", err)}
}

// Meters returns the card's meters, and per how many units each is sold.
func (c *RateCard) Meters() map[string]int64 {
	found := make(map[string]int64, len(c.Units.Meters))
	for n := range c.Units.Meters {
		found[c.Units.Meters[n].name] = c.Units.Meters[n].per
	}
	return found
}

// FactDimensions returns what facts about a call the card has words for, in order.
func (c *RateCard) FactDimensions() []string { return slices.Sorted(maps.Keys(c.Facts.words)) }

// Words returns facts in the card's words; standard ones and dimensions that the card does not know are left out.
func (c *RateCard) Words(stated []cost.Fact) map[string]string { return c.Facts.Of(stated) }
