// SPDX-License-Identifier: Apache-2.0

// Package dialect reads what a span reports about a model call, whichever instrumentation made it.
package dialect
