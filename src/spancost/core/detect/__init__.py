# SPDX-License-Identifier: Apache-2.0
"""Detectors: bounded state machines over records of calls that name the agent, session or feature that spends amiss."""
