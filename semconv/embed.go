// SPDX-License-Identifier: Apache-2.0

// Package semconv holds what is known of other people's attributes, where it lies: the compiled dialects that come with this
// release, and where prompts and completions stand.
package semconv

import (
	_ "embed"
	"strings"
)

// Dialects is the compiled form of semconv/dialects.
//
//go:embed compiled/dialects.json
var Dialects []byte

// Detectors is the compiled form of semconv/detectors.yaml.
//
//go:embed compiled/detectors.json
var Detectors []byte

//go:embed content.txt
var content string

// ContentAttributes returns the keys of attributes with prompts and completions; one that ends in * stands for all that
// begin so.
func ContentAttributes() []string {
	var found []string
	for line := range strings.Lines(content) {
		if key := strings.TrimSpace(line); key != "" && key[0] != '#' {
			found = append(found, key)
		}
	}
	return found
}
