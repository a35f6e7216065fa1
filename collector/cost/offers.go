// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"strings"
	"sync"
	"sync/atomic"
)

// offersKept bounds how many offers are kept: model names come from outside.
const offersKept = 2048

type offerKey struct{ provider, model, requestModel, tier, processing, context string }

// recentOffers keeps what was worked out for calls seen lately. Reading takes no lock: what is known is an immutable map,
// replaced as a whole when enough new offers have come together.
type recentOffers[V any] struct {
	known atomic.Pointer[map[offerKey]*V]
	mutex sync.Mutex
	young map[offerKey]*V
}

func newRecentOffers[V any]() *recentOffers[V] {
	r := &recentOffers[V]{young: map[offerKey]*V{}}
	r.known.Store(&map[offerKey]*V{})
	return r
}

// get returns what is kept under a key, nil for nothing.
func (r *recentOffers[V]) get(key offerKey) *V {
	if found := (*r.known.Load())[key]; found != nil {
		return found
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.young[key]
}

// keep puts something under a key, which must own its texts.
func (r *recentOffers[V]) keep(key offerKey, found *V) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.young[key] = found
	old := *r.known.Load()
	if len(r.young) < 16+len(old)/4 {
		return
	}
	all := make(map[offerKey]*V, len(old)+len(r.young))
	if len(old)+len(r.young) <= offersKept {
		for key, found := range old {
			all[key] = found
		}
	}
	for key, found := range r.young {
		all[key] = found
	}
	r.known.Store(&all)
	r.young = map[offerKey]*V{}
}

func keyOf(call *Call) offerKey {
	key := offerKey{call.Provider, call.Model, call.RequestModel, call.ServiceTier, call.Processing, ""}
	if len(call.Context) > 0 {
		key.context = contextKey(call.Context)
	}
	return key
}

// owned returns the key with its own copies of texts, so that it does not hold on to somebody else's memory.
func (k offerKey) owned() offerKey {
	for _, text := range []*string{&k.provider, &k.model, &k.requestModel, &k.tier, &k.processing, &k.context} {
		*text = strings.Clone(*text)
	}
	return k
}

func contextKey(context []Fact) string {
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
