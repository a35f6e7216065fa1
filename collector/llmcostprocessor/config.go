// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/prices"
)

// Config of the processor llm_cost.
type Config struct {
	// CardFile is a compiled rate card (plain or gzip) to price by. Default: the card that comes with the component.
	CardFile string `mapstructure:"card_file"`
	// CardVersion is what the card's version must be, or the Collector does not start. Default: any.
	CardVersion string `mapstructure:"card_version"`
	// ContractFile is what was agreed instead of list prices: compiled by `spancost contract`, or YAML or JSON as people
	// write it (docs/contracts.md). Default: list prices.
	ContractFile string `mapstructure:"contract_file"`
	// EmittersFile states which attributes of emitters that nobody has met report what, and the provider of calls whose spans
	// name none: YAML or JSON (docs/dialects.md). Default: none.
	EmittersFile string `mapstructure:"emitters_file"`
	// AccountFacts are facts of one's own accounts, by provider, for calls that do not report them, as in
	// `azure.ai.openai: {deployment_type: data zone}`. Default: none.
	AccountFacts map[string]map[string]string `mapstructure:"account_facts"`
	// ReloadInterval is how often the card, the contract and the emitters are looked at for changes. A changed file is taken in
	// without a restart; a broken one is refused and the last good one stays. Default: 0, never; a SIGHUP takes them in too.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`
	// Attributes is what to write: names of sets (standard, full, lean), names of attributes, or both. Default: standard.
	Attributes []string `mapstructure:"attributes"`
	// Tags are app.* to put on spans and log records of calls that lack them, each with further keys to look under: on the span,
	// its ancestors, the resource. Default: none.
	Tags map[string][]string `mapstructure:"tags"`
	// TagsFromAncestors: Tags are also taken from the nearest ancestor in the same batch. Default: off.
	TagsFromAncestors bool `mapstructure:"tags_from_ancestors"`
	// KeepProvider: an llm.provider that is on the span already stays as it is. Default: it is rewritten to the value of
	// gen_ai.provider.name, so that a provider has one name.
	KeepProvider bool `mapstructure:"keep_provider"`
	// ReadResponses: where an emitter reports tokens and put the provider's answer into an attribute, figures that it
	// reports nowhere else are taken from that answer's usage member; nothing else of it is kept. Default: on.
	ReadResponses bool `mapstructure:"read_responses"`
	// DropContent: remove attributes with prompts and completions from spans, their events and log records. Default: off.
	DropContent bool `mapstructure:"drop_content"`
	// ContentAttributes are the keys that DropContent removes; one that ends in * stands for all that begin so.
	ContentAttributes []string `mapstructure:"content_attributes"`
}

const shortestReload = time.Second

// source returns where what to price by comes from.
func (c *Config) source() *prices.Source {
	from := prices.Sources{
		CardFile: c.CardFile, CardVersion: c.CardVersion, ContractFile: c.ContractFile, EmittersFile: c.EmittersFile,
		AccountFacts: c.AccountFacts,
	}
	return prices.SourceOf(from, dialect.Options{ReadResponses: c.ReadResponses})
}

var cardVersion = regexp.MustCompile(`^[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}$`)

// Validate returns an error that names the key, what was found and what was expected.
func (c *Config) Validate() error {
	var faults []error
	if c.CardVersion != "" && !cardVersion.MatchString(c.CardVersion) {
		faults = append(faults, fmt.Errorf("card_version: found %q; expected YYYY.MM.DD-<12 hex digits>", c.CardVersion))
	}
	if c.ReloadInterval != 0 && c.ReloadInterval < shortestReload {
		faults = append(faults, fmt.Errorf("reload_interval: found %v; expected 0s or at least 1s", c.ReloadInterval))
	}
	// When the Collector reloads, a file that has been broken since must not end it: the last good one stays.
	isFirst := !c.source().HasLoaded()
	if isFirst && (c.ContractFile != "" || len(c.AccountFacts) > 0) {
		if err := prices.CheckContract(c.ContractFile, c.AccountFacts); err != nil {
			faults = append(faults, err)
		}
	}
	if isFirst && c.EmittersFile != "" {
		if err := prices.CheckEmitters(c.EmittersFile); err != nil {
			faults = append(faults, fmt.Errorf("emitters_file: %w", err))
		}
	}
	faults = append(append(faults, c.checkAttributes()...), c.checkTags()...)
	for _, key := range c.ContentAttributes {
		if strings.Trim(key, "*") == "" {
			faults = append(faults, fmt.Errorf("content_attributes: found %q; expected a key, or the beginning of keys and *", key))
		}
	}
	if c.DropContent && len(c.ContentAttributes) == 0 {
		faults = append(faults, errors.New("content_attributes: found none; expected some where drop_content is true"))
	}
	return errors.Join(faults...)
}

// attributeSets are the sets that Attributes may name.
var attributeSets = map[string][]string{
	"standard": cost.StandardAttributes, "full": cost.CallAttributes, "lean": cost.LeanAttributes,
}

// names returns the attributes to write, and whether the set standard is among them, which leaves out what says nothing new.
func (c *Config) names() (names []string, isStandard bool) {
	for _, name := range c.Attributes {
		set, isSet := attributeSets[name]
		if !isSet {
			set = []string{name}
		}
		names = append(names, set...)
	}
	return names, slices.Contains(c.Attributes, "standard") && !slices.Contains(c.Attributes, "full")
}

func (c *Config) leftOut() ledger.LeftOut { return ledger.AllBut(c.names()) }

func (c *Config) checkAttributes() (faults []error) {
	names, _ := c.names()
	for _, name := range names {
		if !slices.Contains(cost.CallAttributes, name) {
			faults = append(faults, fmt.Errorf(
				"attributes: found %q; expected standard, full, lean, or some of %s", name, strings.Join(cost.CallAttributes, ", ")))
		}
	}
	if !slices.Contains(names, cost.AttrCostStatus) {
		faults = append(faults, fmt.Errorf(
			"attributes: found no %s; expected it, because it tells later processors that the span is priced", cost.AttrCostStatus))
	}
	return faults
}
