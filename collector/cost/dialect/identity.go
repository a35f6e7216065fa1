// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Identity reports whether a response id identifies a call, an emitter is detached, and which process a resource is. All of
// it is data (semconv/dialects/identity.yaml).
type Identity struct {
	distinct  int
	forms     []idForm
	processes [][]string
	detached  []string
	replays   []string
	nests     []string
	beside    []string
}

// identityRow is the compiled form of the data.
type identityRow struct {
	Distinct    int        `json:"distinct"`
	ResponseIDs []idRow    `json:"response_ids"`
	Process     [][]string `json:"process"`
}

type idRow struct {
	Prefix   string `json:"prefix"`
	Alphabet string `json:"alphabet"`
	Length   [2]int `json:"length"`
	Mixed    bool   `json:"mixed"`
	Stored   bool   `json:"stored"`
}

// idForm is a form of response ids.
type idForm struct {
	prefix            string
	alphabet          [2]uint64
	least, most       int
	isMixed, IsStored bool
}

const (
	smallLetters   = "abcdefghijklmnopqrstuvwxyz"
	capitalLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits         = "0123456789"
)

func newIdentity(row *identityRow, dialects []dialectRow) (*Identity, error) {
	alphabets := map[string][2]uint64{
		"hex":   characters(digits + "abcdef"),
		"uuid":  characters(digits + "abcdef-"),
		"alnum": characters(digits + smallLetters + capitalLetters),
		"url":   characters(digits + smallLetters + capitalLetters + "-_"),
	}
	found := &Identity{distinct: row.Distinct, processes: row.Process}
	for _, form := range row.ResponseIDs {
		alphabet, known := alphabets[form.Alphabet]
		if !known {
			return nil, fmt.Errorf("compiled dialects, identity: found alphabet %q; expected hex, uuid, alnum or url", form.Alphabet)
		}
		found.forms = append(found.forms, idForm{
			form.Prefix, alphabet, form.Length[0], form.Length[1], form.Mixed, form.Stored,
		})
	}
	for n := range dialects {
		found.detached = append(found.detached, dialects[n].Detached...)
		found.replays = append(found.replays, dialects[n].Replays...)
		found.nests = append(found.nests, dialects[n].Nests...)
		found.beside = append(found.beside, dialects[n].Beside...)
	}
	return found, nil
}

// characters returns the set of the characters of an ASCII text.
func characters(text string) (set [2]uint64) {
	for n := range len(text) {
		set[text[n]>>6&1] |= 1 << (text[n] & 63)
	}
	return set
}

// Form returns the form of an issued id, nil for a number, a placeholder or a word.
func (i *Identity) Form(responseID string) *idForm {
	for n := range i.forms {
		form := &i.forms[n]
		rest, begins := strings.CutPrefix(responseID, form.prefix)
		if begins && len(rest) >= form.least && len(rest) <= form.most && form.holds(rest, i.distinct) {
			return form
		}
	}
	return nil
}

// HasPrefix reports whether a prefix shows who issues ids of this form.
func (f *idForm) HasPrefix() bool { return f.prefix != "" }

func (f *idForm) holds(rest string, distinct int) bool {
	for n := range len(rest) {
		if rest[n] >= 128 {
			return false
		}
	}
	used := characters(rest)
	if used[0]&^f.alphabet[0] != 0 || used[1]&^f.alphabet[1] != 0 || bits.OnesCount64(used[0])+bits.OnesCount64(used[1]) < distinct {
		return false
	}
	small, capital := characters(smallLetters), characters(capitalLetters)
	return !f.isMixed || (used[1]&small[1] != 0 && used[1]&capital[1] != 0)
}

// IsDetached reports whether an emitter is known to write a call into a trace of its own.
func (i *Identity) IsDetached(scope string) bool { return matches(scope, i.detached) }

// Nests reports whether an emitter may report one call on spans above one another.
func (i *Identity) Nests(scope string) bool { return matches(scope, i.nests) }

// IsBeside reports whether an emitter wraps clients, and its span of a call is a sibling of the span of another emitter.
func (i *Identity) IsBeside(scope string) bool { return slices.Contains(i.beside, scope) }

// matches reports whether a scope is one of some patterns, which may end in *.
func matches(scope string, patterns []string) bool {
	for _, pattern := range patterns {
		if start, open := strings.CutSuffix(pattern, "*"); pattern == scope || (open && strings.HasPrefix(scope, start)) {
			return true
		}
	}
	return false
}

// Replays reports whether an emitter reports an answer from the application's own cache as a call, with the first one's id.
func (i *Identity) Replays(scope string) bool { return slices.Contains(i.replays, scope) }

// Process returns a text that is the same for spans of one process and no other, "" when a resource does not report. text
// returns the text of an attribute of the resource, a whole number in digits, "" for anything else.
func (d *Dialects) Process(text func(key string) string) string {
next:
	for number, keys := range d.identity.processes {
		values := []string{fmt.Sprint(number), text("service.namespace"), text("service.name")}
		for _, key := range keys {
			value := text(key)
			if value == "" {
				continue next
			}
			values = append(values, value)
		}
		return strings.Join(values, "\x00")
	}
	return ""
}
