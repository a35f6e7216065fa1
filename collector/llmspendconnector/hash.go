// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/spancost/spancost/collector/cost"
)

// seeds make hashes that no sender can foresee, twice 64 bits of them.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// hash names a log record by its content.
type hash struct{ of [2]maphash.Hash }

func newHash() *hash {
	h := &hash{}
	for n := range h.of {
		h.of[n].SetSeed(seeds[n])
	}
	return h
}

func (h *hash) number(n uint64) {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], n)
	for at := range h.of {
		h.of[at].Write(raw[:]) //nolint:errcheck // it never fails
	}
}

// text adds a text and its length, so that two texts are not one.
func (h *hash) text(s string) {
	h.number(uint64(len(s)))
	for at := range h.of {
		h.of[at].WriteString(s) //nolint:errcheck // it never fails
	}
}

// key returns the hash in the form of the key of a span.
func (h *hash) key() cost.SpanKey {
	return cost.SpanKey{Trace: [2]uint64{h.of[0].Sum64(), h.of[1].Sum64()}, ID: 1}
}
