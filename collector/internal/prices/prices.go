// SPDX-License-Identifier: Apache-2.0

// Package prices loads what the components price by: the rate card and the dialects that come along, or a card of a file.
package prices

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/pricing"
	"github.com/spancost/spancost/semconv"
)

// maxCardBytes bounds a card once it is unpacked.
const maxCardBytes = 256 << 20

// Load returns the pricer and the dialects. file: a compiled rate card, plain or gzip; "" for the one that comes along.
// version: what the card's version must be, "" for any. The error says where, what was found and what was expected.
func Load(file, version string, options cost.DialectOptions) (*cost.Pricer, *cost.Dialects, error) {
	pricer, err := embedded()
	if file != "" {
		pricer, err = ofFile(file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("card_file: %w", err)
	}
	if version != "" && pricer.Version() != version {
		return nil, nil, fmt.Errorf("card_version: found %s; expected %s", pricer.Version(), version)
	}
	dialects, err := cost.NewDialects(semconv.Dialects, pricer.Card().Providers(), options)
	return pricer, dialects, err
}

// embedded is the pricer of the card that comes along, shared by all components.
var embedded = sync.OnceValues(func() (*cost.Pricer, error) { return checked(pricing.Card, "the embedded rate card") })

func ofFile(file string) (*cost.Pricer, error) {
	content, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("found %s, which cannot be read (%w); expected a compiled rate card", file, err)
	}
	return checked(content, file)
}

func checked(content []byte, where string) (*cost.Pricer, error) {
	card, err := cost.NewRateCard(content, where)
	if err != nil {
		return nil, err
	}
	if err := card.Check(); err != nil {
		return nil, err
	}
	return cost.NewPricer(card), nil
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
