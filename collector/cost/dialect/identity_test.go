// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"testing"

	"github.com/spancost/spancost/collector/cost/internal/costtest"
)

func TestVectorsOfResponseIDs(t *testing.T) {
	type vector struct {
		Describes string
		IDs       map[string][]string
	}
	known := newTestDialects(t).identity
	costtest.EachVector(t, "identity", func(t *testing.T, v vector) {
		for kind, ids := range v.IDs {
			for _, id := range ids {
				found := "none"
				if form := known.Form(id); form != nil && form.IsStored {
					found = "stored"
				} else if form != nil {
					found = "issued"
				}
				if found != kind {
					t.Errorf("%q: found %s; expected %s", id, found, kind)
				}
			}
		}
	})
}

func TestAProcessIsOneOnlyWhereTheResourceTellsIt(t *testing.T) {
	dialects := newTestDialects(t)
	process := func(of map[string]string) string {
		return dialects.Process(func(key string) string { return of[key] })
	}
	one := process(map[string]string{"service.name": "a", "service.instance.id": "1"})
	for _, other := range []map[string]string{
		{"service.name": "b", "service.instance.id": "1"}, {"service.name": "a", "service.instance.id": "2"},
		{"service.name": "a"}, {"process.pid": "7"}, {},
	} {
		if found := process(other); found == one || (len(other) < 2 && found != "") {
			t.Errorf("%v: found process %q; the first is %q", other, found, one)
		}
	}
}
