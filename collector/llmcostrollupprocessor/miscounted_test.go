// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
)

// world is small traffic made to be miscounted, whose bill is known (tests/vectors/miscounted, tests/testing/adversarial.py).
// Unknown is how many calls were billed whose usage no span reports; identity: every span has the issued id of its call.
type world struct {
	Seed        int   `json:"seed"`
	BillNanoUSD int64 `json:"bill_nanousd"`
	Unknown     int   `json:"unknown"`
	Identity    bool  `json:"identity"`
	spans       []ptrace.Traces
}

func worlds(t *testing.T) (found []world) {
	t.Helper()
	file, err := os.Open("../../tests/vectors/miscounted/worlds.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), `{"seed"`) {
			found = append(found, world{})
			if err := json.Unmarshal(lines.Bytes(), &found[len(found)-1]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(strings.ReplaceAll(lines.Text(), `"parentSpanId":"",`, "")))
		if err != nil {
			t.Fatal(err)
		}
		last := &found[len(found)-1]
		last.spans = append(last.spans, split(td)...)
	}
	return found
}

// isSaid reports whether a root states that its trace is not complete.
func isSaid(all []ptrace.Traces) bool {
	for _, td := range all {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if complete, has := span.Attributes().Get(cost.AttrTraceCostComplete); has && !complete.Bool() {
						return true
					}
				}
			}
		}
	}
	return false
}

// check fails when spans neither cost the bill nor say that they may not; where every span shows its call, they cost the bill.
func (w *world) check(t *testing.T, all []ptrace.Traces, how string) {
	t.Helper()
	isBilled := w.Unknown == 0 && summed(all) == w.BillNanoUSD
	if !isBilled && !isSaid(all) || w.Identity && !isBilled {
		t.Errorf("seed %d, %s: rolled up to %d; the bill is %d and %d calls unknown",
			w.Seed, how, summed(all), w.BillNanoUSD, w.Unknown)
	}
}

func TestTrafficMadeToBeMiscountedCostsItsBillOrSaysThatItMayNot(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for _, world := range worlds(t) {
		for _, size := range []int{3, 100_000} {
			spans := append([]ptrace.Traces{}, world.spans...)
			if size == 3 {
				chance.Shuffle(len(spans), func(a, b int) { spans[a], spans[b] = spans[b], spans[a] })
			}
			sums := map[int64]bool{}
			for _, shards := range []int{1, 2, 7, 16} {
				all := released(t, batches(spans, size), func(cfg *Config) { cfg.Shards = shards })
				sums[summed(all)] = true
				world.check(t, all, fmt.Sprintf("%d shards, batches of %d", shards, size))
			}
			if len(sums) != 1 {
				t.Errorf("seed %d, batches of %d: found the sums %v for 1, 2, 7 and 16 shards; expected one", world.Seed, size, sums)
			}
		}
		world.check(t, released(t, batches(world.spans, 100_000), func(cfg *Config) { cfg.Mode = ModeBatch }), "mode batch")
	}
}
