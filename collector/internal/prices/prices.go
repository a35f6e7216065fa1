// SPDX-License-Identifier: Apache-2.0

// Package prices loads what the components price by: the rate card and the dialects that come along, or a card of a
// file; and a contract.
package prices

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/cost/pricing"
	"github.com/spancost/spancost/collector/internal/contracts"
	data "github.com/spancost/spancost/pricing"
	"github.com/spancost/spancost/semconv"
)

// maxCardBytes bounds a card once it is unpacked.
const maxCardBytes = 256 << 20

// Sources state what to price by: a compiled rate card, plain or gzip, "" for the one that comes along; the version it must
// have, "" for any; a contract, compiled or as people write it, "" for none; and facts of accounts, by provider.
// EmittersFile describes emitters that nobody has met, YAML or JSON, "" for none.
type Sources struct {
	CardFile, CardVersion, ContractFile, EmittersFile string
	AccountFacts                                      map[string]map[string]string
}

// Loaded is what to price by.
type Loaded struct {
	Prices   ledger.Prices
	Card     *pricing.RateCard
	Dialects *dialect.Dialects
}

// Load loads what to price by. The error names the key, where, what was found and what was expected.
func Load(from Sources, options dialect.Options) (*Loaded, error) {
	list, err := embedded()
	if from.CardFile != "" {
		list, err = ofFile(from.CardFile)
	}
	if err != nil {
		return nil, fmt.Errorf("card_file: %w", err)
	}
	found := &Loaded{Prices: list, Card: list.Card()}
	if version := from.CardVersion; version != "" && list.Version() != version {
		return nil, fmt.Errorf("card_version: found %s; expected %s", list.Version(), version)
	}
	if from.ContractFile != "" || len(from.AccountFacts) > 0 {
		if found.Prices, err = agreed(list, from.ContractFile, from.AccountFacts); err != nil {
			return nil, err
		}
	}
	if from.EmittersFile != "" {
		if options.Emitters, err = emitters(from.EmittersFile); err != nil {
			return nil, fmt.Errorf("emitters_file: %w", err)
		}
	}
	found.Dialects, err = dialect.NewDialects(semconv.Dialects, found.Card.Providers(), options)
	return found, err
}

// CheckEmitters returns what is wrong with the emitters in a file.
func CheckEmitters(file string) error {
	list, err := embedded()
	if err != nil {
		return err
	}
	content, err := emitters(file)
	if err != nil {
		return err
	}
	_, err = dialect.NewDialects(semconv.Dialects, list.Card().Providers(), dialect.Options{Emitters: content})
	return err
}

// emitters returns the content of a file of emitters as JSON.
func emitters(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("found %s, which cannot be read (%w); expected a file of emitters", file, err)
	}
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil {
		return nil, fmt.Errorf("found %s, which is no YAML (%w); expected a file of emitters", file, err)
	}
	return json.Marshal(value)
}

// CheckContract returns what is wrong with the contract in a file, and with facts of accounts.
func CheckContract(file string, facts map[string]map[string]string) error {
	_, err := contractFrom(file, facts)
	return err
}

func agreed(list *pricing.Pricer, file string, facts map[string]map[string]string) (ledger.Prices, error) {
	found, err := contractFrom(file, facts)
	if err != nil {
		return nil, err
	}
	if found.IsOfFactsOnly() {
		return found.AccountPricer(list.Card()), nil
	}
	return contract.NewPricer(list, found)
}

// contract returns the contract in a file, "" for none, with facts of accounts in it; its words are those of the newest
// card, whatever card prices.
func contractFrom(file string, facts map[string]map[string]string) (*contract.Contract, error) {
	newest, err := embedded()
	if err != nil {
		return nil, err
	}
	var found *contract.Contract
	if file != "" {
		if found, err = contracts.Load(file, newest.Card()); err != nil {
			return nil, fmt.Errorf("contract_file: %w", err)
		}
	}
	return contracts.WithFacts(found, facts, newest.Card(), "account_facts")
}

// embedded is the pricer of the card that comes along, shared by all components.
var embedded = sync.OnceValues(func() (*pricing.Pricer, error) { return checked(data.Card, "the embedded rate card") })

func ofFile(file string) (*pricing.Pricer, error) {
	content, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("found %s, which cannot be read (%w); expected a compiled rate card", file, err)
	}
	return checked(content, file)
}

func checked(content []byte, where string) (*pricing.Pricer, error) {
	card, err := pricing.NewRateCard(content, where)
	if err != nil {
		return nil, err
	}
	if err := card.Check(); err != nil {
		return nil, err
	}
	return pricing.NewPricer(card), nil
}

func read(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return content, err
	}
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(packed, maxCardBytes))
}
