// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/detect"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/semconv"
)

const beginNs = 1_793_880_000_000_000_000

type vector struct {
	Describes string            `json:"describes"`
	Rules     json.RawMessage   `json:"rules"`
	EveryCall map[string]any    `json:"every_call"`
	Columns   []string          `json:"columns"`
	Calls     [][]any           `json:"calls"`
	Anomalies []json.RawMessage `json:"anomalies"`
}

type anomaly struct {
	AtCall    int      `json:"at_call"`
	Rule      string   `json:"rule"`
	Trace     *uint64  `json:"trace"`
	Session   *string  `json:"session"`
	SpanIDs   []uint64 `json:"span_ids"`
	CostUSD   string   `json:"cost_usd"`
	Threshold string   `json:"threshold"`
	FirstNs   int64    `json:"first_ns"`
	LastNs    int64    `json:"last_ns"`
	Text      string   `json:"text"`
}

func standard(t testing.TB) *detect.RuleSet {
	t.Helper()
	rules, err := detect.RulesOfJSON(semconv.Detectors, "detectors.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestVectorsOfDetectors(t *testing.T) {
	costtest.EachVector(t, "detect", func(t *testing.T, v vector) {
		rules := standard(t)
		if string(v.Rules) != "{}" {
			var given map[string]any
			if err := json.Unmarshal(v.Rules, &given); err != nil {
				t.Fatal(err)
			}
			given["detectors"] = 1
			var err error
			if rules, err = detect.RulesOf(given, "vector", rules); err != nil {
				t.Fatal(err)
			}
		}
		detectors := detect.New(rules)
		var at []int
		var begun []*detect.Episode
		for i, values := range v.Calls {
			call := map[string]any{}
			for key, value := range v.EveryCall {
				call[key] = value
			}
			for j, column := range v.Columns {
				call[column] = values[j]
			}
			if call["failed"] == true {
				if episode := detectors.Fail(recordOf(i, call)); episode != nil {
					at, begun = append(at, i+1), append(begun, episode)
				}
				continue
			}
			for _, episode := range detectors.Observe(recordOf(i, call)) {
				at, begun = append(at, i+1), append(begun, episode)
			}
		}
		if len(begun) != len(v.Anomalies) {
			t.Fatalf("found %d anomalies; expected %d", len(begun), len(v.Anomalies))
		}
		for i, episode := range begun {
			var expected anomaly
			if err := json.Unmarshal(v.Anomalies[i], &expected); err != nil {
				t.Fatal(err)
			}
			if found := asJSON(at[i], episode.Anomaly()); !reflect.DeepEqual(found, expected) {
				t.Errorf("anomaly %d: found\n%+v; expected\n%+v", i, found, expected)
			}
		}
	})
}

func asJSON(at int, found detect.Anomaly) anomaly {
	made := anomaly{
		AtCall: at, Rule: found.Rule, SpanIDs: found.SpanIDs, CostUSD: found.Cost.Text(), Threshold: found.Threshold,
		FirstNs: found.FirstNs - beginNs, LastNs: found.LastNs - beginNs, Text: found.Text,
	}
	if found.SessionID != "" {
		made.Trace, made.Session = &found.Trace[1], &found.SessionID
	}
	return made
}

func recordOf(number int, call map[string]any) *cost.CallRecord {
	text := func(key, otherwise string) string {
		if value, ok := call[key].(string); ok {
			return value
		}
		return otherwise
	}
	ns := func(key string, otherwise float64) int64 {
		seconds := otherwise
		if value, ok := call[key].(float64); ok {
			seconds = value
		}
		exact, _ := new(big.Rat).SetString(fmt.Sprint(seconds))
		return cost.RoundedHalfEven(exact.Mul(exact, big.NewRat(1e9, 1))).Int64()
	}
	id := func(key string, otherwise uint64) uint64 {
		if value, ok := call[key].(float64); ok {
			return uint64(value)
		}
		return otherwise
	}
	record := &cost.CallRecord{
		Key: cost.SpanKey{Trace: [2]uint64{0, id("trace", 1)}, ID: uint64(number + 1)}, ParentID: id("parent", 0),
		StartNs: beginNs + ns("at", 0), DurationNs: ns("seconds", 1), Service: text("service", "agent"),
		Model: text("model", "claude-sonnet-4-5"), Provider: "anthropic", Operation: "chat", Error: text("error", ""),
	}
	record.SessionID = text("session", fmt.Sprintf("%032x", record.Key.Trace[1]))
	for _, meter := range []string{"input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens"} {
		if value, ok := call[meter].(float64); ok {
			record.Usage = append(record.Usage, cost.Amount{Meter: meter, Quantity: cost.Whole(int64(value))})
		}
	}
	record.Cost = cost.Cost{Status: cost.Unpriced}
	if value, ok := call["cost_usd"]; !ok || value != nil {
		femto, _ := cost.FemtoFromText(text("cost_usd", "0.01"))
		record.Cost = cost.Cost{Status: cost.Priced, Known: true, Femto: femto}
	}
	if name := text("feature", ""); name != "" {
		record.Tags = []cost.Fact{{Dimension: "app.feature", Value: name}}
	}
	return record
}

func BenchmarkObserve(b *testing.B) {
	detectors := detect.New(standard(b))
	records := make([]*cost.CallRecord, 0, 1000)
	for i := range 1000 {
		records = append(records, recordOf(i, map[string]any{
			"at": float64(i * 7), "input_tokens": float64(12000 + i*331%50000 + i*i%97), "output_tokens": float64(20 + i*i*31%900),
			"cache_read_tokens": float64(11000), "trace": float64(i / 50), "feature": "support",
		}))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		detectors.Observe(records[i%len(records)])
	}
}
