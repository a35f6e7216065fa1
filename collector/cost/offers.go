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

// recentOffers keeps the offers of calls seen lately. Reading takes no lock: what is known is an immutable map, replaced
// as a whole when enough new offers have come together.
type recentOffers struct {
	known atomic.Pointer[map[offerKey]*offer]
	mutex sync.Mutex
	young map[offerKey]*offer
}

func newRecentOffers() *recentOffers {
	r := &recentOffers{young: map[offerKey]*offer{}}
	r.known.Store(&map[offerKey]*offer{})
	return r
}

func (r *recentOffers) get(card *RateCard, call *Call) *offer {
	key := offerKey{call.Provider, call.Model, call.RequestModel, call.ServiceTier, call.Processing, ""}
	if len(call.Context) > 0 {
		key.context = contextKey(call.Context)
	}
	if found := (*r.known.Load())[key]; found != nil {
		return found
	}
	r.mutex.Lock()
	found := r.young[key]
	r.mutex.Unlock()
	if found != nil {
		return found
	}
	if m, reason := card.match(call); m == nil {
		found = &offer{unpriced: reason}
	} else {
		found = card.offer(m)
	}
	r.keep(key.owned(), found)
	return found
}

func (r *recentOffers) keep(key offerKey, found *offer) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.young[key] = found
	old := *r.known.Load()
	if len(r.young) < 16+len(old)/4 {
		return
	}
	all := make(map[offerKey]*offer, len(old)+len(r.young))
	if len(old)+len(r.young) <= offersKept {
		for key, found := range old {
			all[key] = found
		}
	}
	for key, found := range r.young {
		all[key] = found
	}
	r.known.Store(&all)
	r.young = map[offerKey]*offer{}
}

// owned returns the key with its own copies of texts, so that it does not hold on to somebody else's memory.
func (k offerKey) owned() offerKey {
	return offerKey{
		strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.requestModel), strings.Clone(k.tier),
		strings.Clone(k.processing), strings.Clone(k.context),
	}
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
