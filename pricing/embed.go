// SPDX-License-Identifier: Apache-2.0

// Package pricing holds the rate card that comes with this release, where it lies.
package pricing

import _ "embed"

// Card is the canonical form of the newest rate card (SPEC.md).
//
//go:embed compiled/card.jsonl
var Card []byte
