// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/pricing"
	data "github.com/spancost/spancost/pricing"
)

const vectors = "../../../tests/vectors/contract_written"

// writtenVector is a contract as people write it, and what it compiles to or the end of its error.
type writtenVector struct {
	About, Text     string
	Compiled, Error *string
}

func newestCard(t testing.TB) *pricing.RateCard {
	t.Helper()
	card, err := pricing.NewRateCard(data.Card, "embedded card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func eachWritten(t testing.TB, each func(name string, vector writtenVector)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no vectors (%v); expected some", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.DisallowUnknownFields()
		var vector writtenVector
		if err := decoder.Decode(&vector); err != nil {
			t.Fatal(file, err)
		}
		each(strings.TrimSuffix(filepath.Base(file), ".json"), vector)
	}
}

func TestVectorsOfWrittenContracts(t *testing.T) {
	card := newestCard(t)
	eachWritten(t, func(name string, vector writtenVector) {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("acme.yaml", []byte(vector.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			compiled, err := Compiled("acme.yaml", card)
			switch {
			case vector.Error == nil && err != nil:
				t.Fatal(err)
			case vector.Error == nil && string(compiled) != *vector.Compiled:
				t.Errorf("found    %s\nexpected %s", compiled, *vector.Compiled)
			case vector.Error != nil && err == nil:
				t.Fatalf("found %s; expected error %q", compiled, *vector.Error)
			case vector.Error != nil && (!strings.Contains(err.Error(), *vector.Error) || !strings.HasPrefix(err.Error(), "acme.yaml")):
				t.Errorf("found    %v\nexpected %s", err, *vector.Error)
			}
		})
	})
}

func TestACompiledContractIsReadAsItIs(t *testing.T) {
	card := newestCard(t)
	eachWritten(t, func(name string, vector writtenVector) {
		if vector.Compiled == nil {
			return
		}
		again, err := Compile("acme.json", *vector.Compiled+"\n", card)
		if err != nil || string(again) != *vector.Compiled {
			t.Errorf("%s: found %s (%v)", name, again, err)
		}
	})
}

func TestAFileThatIsNotThereIsNamed(t *testing.T) {
	_, err := Load("none.yaml", newestCard(t))
	if err == nil || !strings.HasPrefix(err.Error(), "none.yaml: found a file that cannot be read (no such file") {
		t.Fatalf("found %v", err)
	}
}

// Whatever a file holds, it is refused with its name or compiles to what loads and compiles to itself.
func FuzzContractFile(f *testing.F) {
	card := newestCard(f)
	eachWritten(f, func(_ string, vector writtenVector) { f.Add(vector.Text) })
	f.Fuzz(func(t *testing.T, text string) {
		compiled, err := Compile("c", text, card)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "c") {
				t.Fatalf("%q does not name the file", err)
			}
			return
		}
		agreed, err := contract.New(compiled, "c")
		if err != nil {
			t.Fatalf("%s does not load: %v", compiled, err)
		}
		if _, err := contract.NewPricer(pricing.NewPricer(card), agreed); err != nil && contract.IsCompiled(text) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if again, err := Compile("c", string(compiled), card); err != nil || string(again) != string(compiled) {
			t.Fatalf("%s compiles to %s (%v)", compiled, again, err)
		}
	})
}
