// SPDX-License-Identifier: Apache-2.0

// Package semconv holds the compiled dialects that come with this release, where they lie.
package semconv

import _ "embed"

// Dialects is the compiled form of semconv/dialects.
//
//go:embed compiled/dialects.json
var Dialects []byte
