// SPDX-License-Identifier: Apache-2.0

// Package cost puts a cost on calls of language models: values in, values out. It reads the same data and passes the
// same vectors as the Python package spancost and gives the same bytes; it imports the standard library only and has no
// clock, environment, network or log.
//
// A span ends: Dialects reads it, the counting rule says whether it is the call, Pricer prices it, Ledger passes
// subtotals up and returns the attributes to write.
package cost
