# SPDX-License-Identifier: Apache-2.0
"""Formats a count with its noun for messages."""

from __future__ import annotations


def format_count(number: int, noun: str) -> str:
    """Return *number* with *noun*, plural unless it is 1: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
