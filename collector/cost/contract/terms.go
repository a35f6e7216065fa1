// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// dimensions are what a condition may be about, the most telling first; those below factCount are facts that only
// contracts read.
const (
	byDeployment = iota
	byAPIKeyAlias
	byTeam
	byAccount
	byTenant
	factCount
	byModel = iota - 1
	byServerAddress
	byProvider
	dimensionCount
)

var dimensionNames = [dimensionCount]string{
	"deployment", "api_key_alias", "team", "account", "tenant", "model", "server_address", "provider",
}

// FormerProvider is the provider's key in contracts written before 2026-11-30, and in every compiled contract: the bytes
// of a compiled contract, and so its version, stay the same.
const FormerProvider = "seller"

// overrideFact carries a cost override.
const overrideFact = "override_usd"

// Dimensions returns what a condition of a contract may be about, the most telling first.
func Dimensions() []string { return slices.Clone(dimensionNames[:]) }

// Error means that a contract cannot be used: where (file, line, key), what was found and what was expected.
type Error struct{ Where, Found, Expected string }

func (e *Error) Error() string {
	if e.Expected == "" {
		return fmt.Sprintf("%s: found %s", e.Where, e.Found)
	}
	return fmt.Sprintf("%s: found %s; expected %s", e.Where, e.Found, e.Expected)
}

// conditions are the texts that a row is about, by dimension; "" is no condition.
type conditions [dimensionCount]string

// row is what terms and deployments have in common; fromS and untilS are seconds since the epoch, nil for open.
type row struct {
	when          conditions
	fromS, untilS *int64
}

// contractTable are agreed rates, for calls of which the facts in when hold.
type contractTable struct {
	when  map[string]string
	rates map[string]pricing.Rate
	steps []pricing.StepRow
}

// hardware is what one GPU costs for an hour, in femto-dollars, and how many GPUs' worth a call occupies.
type hardware struct{ rate, gpus pricing.Rate }

// term is one agreement: rates, machines instead of rates, or what is left after a discount (factor), of fees and measures
// too when isForAll. skip are ids of the card's modifiers that leave agreed rates alone, `*` for all. isAllocated: the
// rates are machines' cost shared out over tokens.
type term struct {
	row
	id                    string
	base                  contractTable
	variants              []contractTable
	skip                  map[string]bool
	factor                pricing.Rate
	isForAll, isAllocated bool
	hardware              *hardware
}

func (t *term) hasRates() bool { return len(t.base.rates)+len(t.base.steps)+len(t.variants) > 0 }

// meters returns every meter that the term names.
func (t *term) meters() []string {
	var found []string
	for _, table := range append([]contractTable{t.base}, t.variants...) {
		for name := range table.rates {
			found = append(found, name)
		}
		for _, step := range table.steps {
			found = append(found, step.Meter)
			for name := range step.Rates {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// deployment is what stands behind a deployment's name: a model, and facts in any spelling that the card knows.
type deployment struct {
	row
	model string
	facts []cost.Fact
}

// Contract is what a customer agreed with providers (pricing/CONTRACTS.md). It is immutable.
type Contract struct {
	suffix, name string
	// attributes are the keys that state each fact.
	attributes  [factCount][]string
	overrideKey string
	most        cost.Femto
	terms       []term
	deployments []deployment
	// account are the facts of the team's own accounts.
	account pricing.AccountFacts
	content document.Value
}

// Suffix is what follows `+o` in the version of what is priced by the contract.
func (c *Contract) Suffix() string { return c.suffix }

// Name is the contract's own name.
func (c *Contract) Name() string { return c.name }

// AccountPricer returns a pricer by a card, with the facts of accounts that the contract states.
func (c *Contract) AccountPricer(card *pricing.RateCard) *pricing.Pricer {
	return pricing.NewAccountPricer(card, c.account, cost.ContractMark+c.suffix)
}

// IsOfFactsOnly reports whether a contract states facts of accounts and agrees nothing else.
func (c *Contract) IsOfFactsOnly() bool {
	return len(c.account) > 0 && len(c.terms) == 0 && len(c.deployments) == 0 && c.overrideKey == ""
}

// Content is the compiled form of the contract.
func (c *Contract) Content() document.Value { return c.content }

// IsCompiled reports whether a text is a contract in its compiled form, not as people write it.
func IsCompiled(text string) bool {
	value, err := document.Parse(text)
	return err == nil && value.Has("format")
}

// New returns the contract held by its canonical bytes; a line end after them does not count. where names them in
// errors.
func New(canonical []byte, where string) (*Contract, error) {
	body := strings.TrimRight(string(canonical), "\n")
	content, err := document.Parse(body)
	if err != nil || strings.ToValidUTF8(body, "") != body {
		return nil, &Error{where, fmt.Sprintf("no JSON (%v)", err), "a compiled contract"}
	}
	const format = 1
	if found, whole := content.Get("format").Int(); !whole || found != format {
		return nil, &Error{where + ", format", document.Shown(content.Get("format")), fmt.Sprint(format)}
	}
	if string(document.Canonical(content)) != body {
		return nil, &Error{where, "changed content", "it as `spancost contract` compiles it"}
	}
	for _, key := range content.Keys() {
		if !slices.Contains(contractKeys, key) {
			return nil, &Error{where + ", " + key, "an unknown key", strings.Join(contractKeys, ", ")}
		}
	}
	contract, err := contractOf(content)
	if err != nil {
		return nil, &Error{where, fmt.Sprintf("a part that cannot be read (%v)", err), "a contract"}
	}
	contract.content = content
	sum := sha256.Sum256([]byte(body))
	contract.suffix = hex.EncodeToString(sum[:])[:8]
	if first, second, kind := contract.rivals(); kind != "" {
		return nil, &Error{where, fmt.Sprintf("%s %d and %d for the same calls at the same time", kind, first, second), ""}
	}
	return contract, nil
}

var contractKeys = []string{"attributes", "deployments", "facts", "format", "name", "override", "terms"}

// Rivals returns the indexes of two terms, or of two deployments, of a compiled contract that hold for the same
// calls at the same time; kind is "" when there are none.
func Rivals(content document.Value) (first, second int, kind string) {
	contract, err := contractOf(content)
	if err != nil {
		return 0, 0, ""
	}
	return contract.rivals()
}

func (c *Contract) rivals() (first, second int, kind string) {
	terms, deployments := make([]*row, len(c.terms)), make([]*row, len(c.deployments))
	for n := range c.terms {
		terms[n] = &c.terms[n].row
	}
	for n := range c.deployments {
		deployments[n] = &c.deployments[n].row
	}
	if first, second, found := rivalsOf(terms); found {
		return first, second, "terms"
	}
	if first, second, found := rivalsOf(deployments); found {
		return first, second, "deployments"
	}
	return 0, 0, ""
}

func rivalsOf(rows []*row) (first, second int, found bool) {
	seen := map[conditions][]int{}
	for n, this := range rows {
		for _, other := range seen[this.when] {
			if beginsBeforeEnd(rows[other], this) && beginsBeforeEnd(this, rows[other]) {
				return other, n, true
			}
		}
		seen[this.when] = append(seen[this.when], n)
	}
	return 0, 0, false
}

func beginsBeforeEnd(a, b *row) bool {
	return a.fromS == nil || b.untilS == nil || *a.fromS < *b.untilS
}

func (r *row) isInForce(atS *int64) bool {
	if atS == nil {
		return r.fromS == nil
	}
	return (r.fromS == nil || *r.fromS <= *atS) && (r.untilS == nil || *atS < *r.untilS)
}

// instants returns the seconds since the epoch at which something begins or ends, rising.
func (c *Contract) instants() []int64 {
	var found []int64
	add := func(r *row) {
		for _, at := range []*int64{r.fromS, r.untilS} {
			if at != nil {
				found = append(found, *at)
			}
		}
	}
	for n := range c.terms {
		add(&c.terms[n].row)
	}
	for n := range c.deployments {
		add(&c.deployments[n].row)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// conditionTexts are the texts that conditions are about, of one dimension.
type conditionTexts struct {
	exact    map[string]bool
	patterns []string
}

func (c *Contract) textsOf(dimension int) conditionTexts {
	found := conditionTexts{exact: map[string]bool{}}
	add := func(wanted string) {
		switch {
		case wanted == "":
		case strings.Contains(wanted, "*"):
			found.patterns = append(found.patterns, wanted)
		default:
			found.exact[wanted] = true
		}
	}
	for n := range c.terms {
		add(c.terms[n].when[dimension])
	}
	for n := range c.deployments {
		add(c.deployments[n].when[dimension])
	}
	slices.Sort(found.patterns)
	found.patterns = slices.Compact(found.patterns)
	return found
}

// isEmpty reports that no condition is about the dimension.
func (s *conditionTexts) isEmpty() bool { return len(s.exact)+len(s.patterns) == 0 }

// matches reports whether any condition is about a text: others can be evicted, as they change nothing.
func (s *conditionTexts) matches(text string) bool {
	return s.exact[text] || slices.ContainsFunc(s.patterns, func(wanted string) bool {
		_, fits := fit(wanted, []string{text})
		return fits
	})
}
