// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"sync"

	"github.com/spancost/spancost/collector/cost"
)

// matchesKept bounds how many matches are kept: model names come from outside.
const matchesKept = 1024

type CallKey struct{ Provider, Model, RequestModel, Tier, Processing, Context string }

// MatchCache keeps what was worked out for calls seen lately. It is safe for use by many goroutines.
type MatchCache[V any] struct {
	mutex sync.RWMutex
	held  cost.GenerationalCache[CallKey, *V]
}

func NewMatchCache[V any]() *MatchCache[V] {
	return &MatchCache[V]{held: cost.NewGenerationalCache[CallKey, *V](matchesKept)}
}

// Get returns what is kept under a key, nil for nothing.
func (r *MatchCache[V]) Get(key CallKey) *V {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	found, _ := r.held.Get(key)
	return found
}

// Keep puts something under a key, which must own its texts.
func (r *MatchCache[V]) Keep(key CallKey, found *V) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.held.Set(key, found)
}

func keyOf(call *cost.Call) CallKey {
	key := CallKey{call.Provider, call.Model, call.RequestModel, call.ServiceTier, call.Processing, ""}
	if len(call.Context) > 0 {
		key.Context = contextKey(call.Context)
	}
	return key
}

// Owned returns the key with its own copies of texts, so that it does not hold on to somebody else's memory.
func (k CallKey) Owned() CallKey {
	for _, text := range []*string{&k.Provider, &k.Model, &k.RequestModel, &k.Tier, &k.Processing, &k.Context} {
		*text = strings.Clone(*text)
	}
	return k
}

func contextKey(context []cost.Fact) string {
	if len(context) == 1 && context[0].Dimension == "server_address" {
		return context[0].Value
	}
	var out strings.Builder
	for _, fact := range context {
		out.WriteString(fact.Dimension)
		out.WriteByte(0)
		out.WriteString(fact.Value)
		out.WriteByte(1)
	}
	return out.String()
}
