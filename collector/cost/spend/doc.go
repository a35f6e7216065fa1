// SPDX-License-Identifier: Apache-2.0

// Package spend adds the costs and tokens of counted calls up by labels: exact, cumulative, each span once within a window,
// and bounded in series and in remembered spans.
package spend
