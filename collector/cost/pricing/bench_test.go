// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost/internal/costtest"
)

func BenchmarkPrice(b *testing.B) {
	pricer, call := NewPricer(embedded(b)), costtest.BenchCall()
	b.ReportAllocs()
	for b.Loop() {
		if cost := pricer.Price(call); !cost.Known {
			b.Fatal(cost.Reason)
		}
	}
}

func BenchmarkUnknownModels(b *testing.B) {
	pricer, call := NewPricer(embedded(b)), costtest.BenchCall()
	names := strings.Fields(strings.Repeat("model-a model-b model-c ", 3))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		call.Model = names[n%len(names)] + string(rune('a'+n%26)) + string(rune('a'+n/26%26))
		call.RequestModel = call.Model
		pricer.Price(call)
	}
}
