// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"encoding/json"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/semconv"
)

func TestVectorsOfEmitters(t *testing.T) {
	type vector struct {
		Describes string
		Emitters  json.RawMessage
		Span      struct {
			Scope, Version, Name string
			Attributes           json.RawMessage
		}
		Reading json.RawMessage
		Error   *string
	}
	costtest.EachVector(t, "emitters", func(t *testing.T, v vector) {
		dialects, err := NewDialects(semconv.Dialects, embedded(t).Providers(), Options{ReadResponses: true, Emitters: v.Emitters})
		if v.Error != nil || err != nil {
			if v.Error == nil || err == nil || err.Error() != *v.Error {
				t.Fatalf("error: found %v; expected %v", err, v.Error)
			}
			return
		}
		span := &cost.Span{
			Key: cost.SpanKey{ID: 2}, EndNs: 1, ScopeName: v.Span.Scope, ScopeVersion: v.Span.Version, Name: v.Span.Name,
			Attributes: costtest.AttributesOf(t, string(v.Span.Attributes)), IsLocalRoot: true,
		}
		var reading cost.Reading
		if !dialects.Read(span, &Reader{}, &reading) {
			t.Fatal("found nothing")
		}
		kind, usage, doubt := "container", map[string]any{}, []string{}
		if reading.IsCall {
			kind = "call"
		}
		for _, amount := range reading.Usage {
			n, _ := amount.Quantity.Int()
			usage[amount.Meter] = n
		}
		if reading.Doubt != (cost.Doubt{}) {
			doubt = []string{reading.Doubt.Status, reading.Doubt.Reason}
		}
		costtest.SameJSON(t, map[string]any{
			"dialect": reading.Emitter, "kind": kind, "operation": reading.Operation, "provider": reading.Provider,
			"model": reading.Model, "usage": usage, "caveat": doubt,
		}, v.Reading)
	})
}
