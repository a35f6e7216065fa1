// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
)

// Log records beside spans, in both orders of the requests and a second time over what the first wrote.
func TestVectorsOfRecords(t *testing.T) {
	dialects := testDialects(t)
	keys := []string{"describes", "expected", "price", "requests"}
	eachVector(t, "records", keys, func(t *testing.T, vector document.Value) {
		requests := vector.Get("requests").Items()
		for range 2 {
			var spans []carried
			var records []carriedRecord
			for n := range requests {
				request := requests[len(requests)-1-n]
				found, err := carriedSpans(request, testDialects(t))
				if err != nil {
					t.Fatal(err)
				}
				told, err := carriedRecords(request, dialects)
				if err != nil {
					t.Fatal(err)
				}
				spans, records = append(spans, found...), append(records, told...)
			}
			ledger := ledger.New(dialects, pricesOf(vector.Get("price")), ledger.DefaultOptions())
			enrichAll(spans, records, ledger, dialects)
			for n, expected := range vector.Get("expected").Items() {
				if found := sorted(ours(t, raws(requests)[n])); found != sorted(expected) {
					t.Errorf("%d: found    %s\nexpected %s", n, found, sorted(expected))
				}
			}
		}
	})
}

// raws returns the objects of all spans and log records of requests, in their order.
func raws(requests []document.Value) (found []document.Value) {
	for _, request := range requests {
		for _, words := range [][3]string{{"resourceSpans", "scopeSpans", "spans"}, {"resourceLogs", "scopeLogs", "logRecords"}} {
			for _, resource := range request.Get(words[0]).Items() {
				for _, scope := range resource.Get(words[1]).Items() {
					found = append(found, scope.Get(words[2]).Items()...)
				}
			}
		}
	}
	return found
}

func ours(t *testing.T, raw document.Value) document.Value {
	t.Helper()
	attributes, err := attributesOf(raw, "record")
	if err != nil {
		t.Fatal(err)
	}
	found := document.NewMap()
	for _, attribute := range attributes {
		if strings.HasPrefix(attribute.Key, "llm.") {
			found.Set(attribute.Key, attribute.Value)
		}
	}
	return found
}
