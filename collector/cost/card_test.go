// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"testing"

	"github.com/spancost/spancost/pricing"
)

func embedded(t testing.TB) *RateCard {
	t.Helper()
	card, err := NewRateCard(pricing.Card, "embedded card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func TestEveryProviderOfTheEmbeddedCardCanBeRead(t *testing.T) {
	if err := embedded(t).Check(); err != nil {
		t.Fatal(err)
	}
}
