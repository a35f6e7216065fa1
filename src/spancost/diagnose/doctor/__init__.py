# SPDX-License-Identifier: Apache-2.0
"""Diagnoses spans and environments: how spans are read, what is wrong, and how to fix it."""
