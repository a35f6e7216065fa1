# SPDX-License-Identifier: Apache-2.0
"""Who is told how a load proceeds."""

from __future__ import annotations


class Progress:
    """Is told how a load proceeds; this one shows nothing."""

    def begin(self, step: str, total: int) -> None:
        """Begin a step of *total* units, 0 when that is unknown."""

    def advance(self, units: int) -> None:
        """Note that *units* more are done."""
