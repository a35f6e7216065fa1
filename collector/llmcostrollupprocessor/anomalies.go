// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.yaml.in/yaml/v3"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/detect"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/internal/tracedata"
	"github.com/spancost/spancost/semconv"
)

// Values of Config.Detectors beside the name of a file.
const (
	detectorsOn  = "on"
	detectorsOff = "off"
)

// mostAnomalousTraces is of how many traces with an anomaly, at most, it is kept until their roots are released.
const mostAnomalousTraces = 10_000

// watch holds the detectors, which all shards share: a session and the history of a feature go over traces.
type watch struct {
	mutex     sync.Mutex
	detectors *detect.Detectors
	keys      *dialect.RecordKeys
	episodes  map[traceID][]*detect.Episode
}

// newWatch returns nil when detectors are off. The error names the file, what was found and what was expected.
func newWatch(setting string, dialects *dialect.Dialects) (*watch, error) {
	if setting == detectorsOff {
		return nil, nil
	}
	rules, err := detect.RulesOfJSON(semconv.Detectors, "detectors.json", nil)
	if err == nil && setting != detectorsOn {
		rules, err = rulesOfFile(setting, rules)
	}
	if err != nil {
		return nil, fmt.Errorf("detectors: %w", err)
	}
	return &watch{detectors: detect.New(rules), keys: dialects.RecordKeys(), episodes: map[traceID][]*detect.Episode{}}, nil
}

func rulesOfFile(path string, base *detect.RuleSet) (*detect.RuleSet, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: found a file that cannot be read (%w); expected rules", path, err)
	}
	var given any
	if err := yaml.Unmarshal(content, &given); err != nil {
		return nil, fmt.Errorf("%s: found no YAML (%w); expected rules", path, err)
	}
	return detect.RulesOf(given, path, base)
}

// observe takes calls, by their ends, and returns the rules of the anomalies that begin.
func (w *watch) observe(records []*cost.CallRecord) (rules []string) {
	if len(records) == 0 {
		return nil
	}
	slices.SortStableFunc(records, func(a, b *cost.CallRecord) int {
		return int(min(max(a.StartNs+a.DurationNs-b.StartNs-b.DurationNs, -1), 1))
	})
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, record := range records {
		for _, episode := range w.detectors.Observe(record) {
			rules = append(rules, episode.Rule)
			if episode.SessionID == "" {
				continue // of a feature or a service
			}
			if len(w.episodes) >= mostAnomalousTraces {
				clear(w.episodes)
			}
			w.episodes[episode.Trace] = append(w.episodes[episode.Trace], episode)
		}
	}
	return rules
}

// found is what the roots of a trace state of its anomalies.
type found struct {
	rules []string
	usd   float64
}

// take returns what there is to state of a trace and forgets it; nil when there is nothing.
func (w *watch) take(trace traceID) *found {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	episodes, known := w.episodes[trace]
	if !known {
		return nil
	}
	delete(w.episodes, trace)
	most := cost.Femto{}
	made := &found{}
	for _, episode := range episodes {
		made.rules = append(made.rules, episode.Rule)
		if episode.Cost.Cmp(most) > 0 {
			most = episode.Cost
		}
	}
	slices.Sort(made.rules)
	made.rules, made.usd = slices.Compact(made.rules), most.USD()
	return made
}

func (f *found) put(on pcommon.Map) {
	if f == nil {
		return
	}
	list := on.PutEmptySlice(cost.AttrAnomalies)
	for _, rule := range f.rules {
		list.AppendEmpty().SetStr(rule)
	}
	on.PutDouble(cost.AttrAnomalyCostUSD, f.usd)
}

// record returns the record of a call by what is written on its span, nil when the span carries no counted call.
func (w *watch) record(span ptrace.Span, resource pcommon.Resource) *cost.CallRecord {
	trace := span.TraceID()
	made := &cost.CallRecord{
		Key: tracedata.Key(trace, span.SpanID()), ParentID: tracedata.Key(trace, span.ParentSpanID()).ID,
		StartNs: int64(span.StartTimestamp()), DurationNs: int64(span.EndTimestamp()) - int64(span.StartTimestamp()),
	}
	if service, known := resource.Attributes().Get("service.name"); known {
		made.Service = service.AsString()
	}
	if span.Status().Code() == ptrace.StatusCodeError {
		made.Error = "_OTHER"
	}
	session := len(w.keys.Session)
	for key, value := range span.Attributes().All() {
		if strings.HasPrefix(key, "llm.") {
			readWritten(made, key, value)
		} else if strings.HasPrefix(key, "app.") && value.Type() == pcommon.ValueTypeStr {
			made.Tags = append(made.Tags, cost.Fact{Dimension: key, Value: value.Str()})
		} else if key == "error.type" {
			made.Error = value.AsString()
		}
		if n := slices.Index(w.keys.Session, key); n >= 0 && n < session && value.AsString() != "" {
			session, made.SessionID = n, value.AsString()
		}
	}
	switch made.Cost.Status {
	case "", cost.Duplicate, cost.Aggregate:
		return nil
	}
	if made.SessionID == "" {
		made.SessionID = trace.String()
	}
	return made
}

func readWritten(made *cost.CallRecord, key string, value pcommon.Value) {
	meter := ""
	switch key {
	case cost.AttrCostStatus:
		made.Cost.Status = value.AsString()
	case cost.AttrCostReason:
		made.Cost.Reason = value.AsString()
	case cost.AttrRequestCostUSD:
		made.Cost.Femto, made.Cost.Known = cost.FemtoOfUSD(value.Double())
	case cost.AttrModel:
		made.Model = value.AsString()
	case cost.AttrInputTokens:
		meter = "input_tokens"
	case cost.AttrCachedInputTokens:
		meter = "cache_read_tokens"
	case cost.AttrCacheWriteInputTokens:
		meter = "cache_write_tokens"
	case cost.AttrOutputTokens:
		meter = "output_tokens"
	}
	if meter != "" {
		made.Usage = append(made.Usage, cost.Amount{Meter: meter, Quantity: cost.Whole(value.Int())})
	}
}

// anomaliesOf takes the calls among the spans that were held and returns what the roots of the trace state; nil for nothing.
func (s *shard) anomaliesOf(trace *heldTrace, spans []cost.Span, holders [][]*heldSpan, out *outcome) *found {
	if s.watch == nil {
		return nil
	}
	var records []*cost.CallRecord
	for n := range spans {
		if held := holders[n][0]; held.isPriced {
			if record := s.watch.record(held.data, held.resource.resource); record != nil {
				records = append(records, record)
			}
		}
	}
	out.anomalies = append(out.anomalies, s.watch.observe(records)...)
	return s.watch.take(trace.id)
}

// watchBatch takes the calls of a batch, and puts on the roots in it what there is to state of their traces.
func (p *rollUpProcessor) watchBatch(td ptrace.Traces) []string {
	if p.watch == nil {
		return nil
	}
	var records []*cost.CallRecord
	var roots []ptrace.Span
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if comesFromElsewhere(span) {
					roots = append(roots, span)
				}
				if _, isPriced := span.Attributes().Get(cost.AttrCostStatus); !isPriced {
					continue
				}
				if record := p.watch.record(span, resource.Resource()); record != nil {
					records = append(records, record)
				}
			}
		}
	}
	rules := p.watch.observe(records)
	stated := map[pcommon.TraceID]*found{}
	for _, root := range roots {
		trace := root.TraceID()
		if _, known := stated[trace]; !known {
			stated[trace] = p.watch.take(tracedata.Key(trace, root.SpanID()).Trace)
		}
		stated[trace].put(root.Attributes())
	}
	return rules
}
