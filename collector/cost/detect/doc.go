// SPDX-License-Identifier: Apache-2.0

// Package detect holds the detectors: bounded state machines over records of calls that name the agent, session or feature
// that spends amiss. It is the Go form of src/spancost/core/detect, with the same data and vectors.
package detect
