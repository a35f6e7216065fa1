// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"strings"
	"unicode"
)

// Normalize returns text without white space around it, in lower case.
func Normalize(text string) string { return strings.ToLower(strings.TrimFunc(text, IsSpace)) }

// IsBlank reports whether a text is empty but for white space.
func IsBlank(text string) bool { return strings.TrimFunc(text, IsSpace) == "" }

// IsSpace reports whether a character is white space to Python as well.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }
