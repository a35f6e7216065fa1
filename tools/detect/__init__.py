# SPDX-License-Identifier: Apache-2.0
"""Measuring the detectors: sessions from a file or of a generator, faults put into them, and the score."""
