# SPDX-License-Identifier: Apache-2.0
"""A number with its noun, for the sentences that commands print."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return *number* with *noun*, which takes an s but for one: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
