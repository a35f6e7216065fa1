// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
)

// flatPrice is what every model costs per token, in femto-dollars, but for the unknown ones.
type flatPrice struct {
	Input, Output int64
	Unknown       []string
}

func (p *flatPrice) Version() string { return "2026.01.01-000000000000" }

func (p *flatPrice) Price(call *cost.Call) cost.Cost {
	if slices.Contains(p.Unknown, call.Model) {
		return cost.UnpricedCost(cost.ReasonUnknownModel)
	}
	var femto int64
	for _, amount := range call.Usage {
		n, _ := amount.Quantity.Int()
		femto += n * map[string]int64{"input_tokens": p.Input, "output_tokens": p.Output}[amount.Meter]
	}
	return cost.Cost{
		Status: cost.Priced, Known: true, Femto: cost.FemtoOf(femto), RateID: call.Provider + "/" + call.Model,
		Source: cost.SourceRateCard,
	}
}

// asJSON returns a record as the vectors hold it: ids in hexadecimal digits, without what is unknown.
func asJSON(record *cost.CallRecord) any {
	if record == nil {
		return nil
	}
	usage, tags := map[string]*big.Int{}, map[string]string{}
	for _, amount := range record.Usage {
		usage[amount.Meter] = amount.Quantity.Rat().Num()
	}
	for _, tag := range record.Tags {
		tags[tag.Dimension] = tag.Value
	}
	found := map[string]any{
		"trace_id": fmt.Sprintf("%016x%016x", record.Key.Trace[0], record.Key.Trace[1]), "span_id": fmt.Sprintf("%016x", record.Key.ID),
		"start_ns": record.StartNs, "duration_ns": record.DurationNs, "usage": usage, "tags": tags,
	}
	if record.ParentID != 0 {
		found["parent_id"] = fmt.Sprintf("%016x", record.ParentID)
	}
	if record.Cost.Known {
		found["cost_femto"] = record.Cost.Femto.Big()
	}
	if record.Cost.ListKnown {
		found["list_cost_femto"] = record.Cost.List.Big()
	}
	if record.HasFirstToken {
		found["time_to_first_token_ns"] = record.TimeToFirstTokenNs
	}
	for key, text := range map[string]string{
		"service": record.Service, "session_id": record.SessionID, "provider": record.Provider, "model": record.Model,
		"operation": record.Operation, "tier": record.Tier, "status": record.Cost.Status, "reason": record.Cost.Reason,
		"source": record.Cost.Source, "pricing_version": record.PricingVersion, "rate_id": record.Cost.RateID, "error": record.Error,
		"finish_reason": record.FinishReason, "prompt_name": record.PromptName, "prompt_version": record.PromptVersion,
		"outcome": record.Outcome,
	} {
		if text != "" {
			found[key] = text
		}
	}
	return found
}

func TestVectorsOfCallRecords(t *testing.T) {
	type vector struct {
		Describes string
		Price     flatPrice
		Span      struct {
			TraceID    string `json:"trace_id"`
			SpanID     string `json:"span_id"`
			ParentID   string `json:"parent_id"`
			StartNs    int64  `json:"start_ns"`
			EndNs      int64  `json:"end_ns"`
			Scope      string
			IsError    bool `json:"is_error"`
			Raised     string
			Attributes json.RawMessage
			Resource   json.RawMessage
		}
		Record json.RawMessage
	}
	dialects := newTestDialects(t)
	costtest.EachVector(t, "call_record", func(t *testing.T, v vector) {
		id := func(text string) uint64 {
			digits, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return binary.BigEndian.Uint64(digits)
		}
		trace := [2]uint64{id(v.Span.TraceID[:16]), id(v.Span.TraceID[16:])}
		span := &cost.Span{
			Key: cost.SpanKey{Trace: trace, ID: id(v.Span.SpanID)}, IsLocalRoot: v.Span.ParentID == "",
			StartNs: v.Span.StartNs, EndNs: v.Span.EndNs, ScopeName: v.Span.Scope, IsError: v.Span.IsError, Raised: v.Span.Raised,
			Attributes: costtest.AttributesOf(t, string(v.Span.Attributes)), Resource: costtest.AttributesOf(t, string(v.Span.Resource)),
		}
		if v.Span.ParentID != "" {
			span.Parent, span.IsChild = cost.SpanKey{Trace: trace, ID: id(v.Span.ParentID)}, true
		}
		options := DefaultOptions()
		options.Records = true
		var writes Writes
		costtest.SameJSON(t, asJSON(New(dialects, &v.Price, options).End(span, &writes).Record), v.Record)
		costtest.SameJSON(t, asJSON(New(dialects, &v.Price, options).PriceAlone(span, &writes)), v.Record)
	})
}
