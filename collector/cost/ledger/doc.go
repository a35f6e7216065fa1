// SPDX-License-Identifier: Apache-2.0

// Package ledger decides which span is the call, prices it, and passes totals to the spans above it.
package ledger
