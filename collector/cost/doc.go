// SPDX-License-Identifier: Apache-2.0

// Package cost holds the values that go into pricing and come out of it: calls, spans, readings, costs, money. The packages
// below it work with them: dialect reads a span, ledger decides whether the span is the call and passes totals up, pricing
// prices it by a rate card and contract by what was agreed. They read the same data and pass the same vectors as the Python
// package spancost and give the same bytes. They import the standard library only and have no clock, environment, network
// or log.
package cost
