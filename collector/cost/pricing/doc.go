// SPDX-License-Identifier: Apache-2.0

// Package pricing prices calls by a rate card: names and facts are matched to an entry, and its rates are resolved and
// multiplied by the usage, exactly.
package pricing
