# SPDX-License-Identifier: Apache-2.0
"""What a stream must have used, by the length of its text, where it did not tell. Text is counted, never kept."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from spancost.core.wire import reading as outcomes
from spancost.core.wire.path import Json
from spancost.core.wire.reading import WireReading

OUTPUT_FROM_TEXT = "output_from_text"
"""Basis: the input is the provider's own, the output comes of the characters that were streamed."""
USAGE_FROM_TEXT = "usage_from_text"
"""Basis: the input comes of the characters of the request, the output of those that were streamed."""
_UNTOLD = (outcomes.NO_USAGE, outcomes.PARTIAL_USAGE)


class Characters(NamedTuple):
    """How many characters a text has: ASCII, and others."""

    ascii: int = 0
    other: int = 0

    def plus(self, text: str) -> Characters:
        """Return this and the characters of *text*."""
        plain = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
        return Characters(self.ascii + plain, self.other + len(text) - plain)


class Density(NamedTuple):
    """How many characters of each kind make a token."""

    ascii: Fraction
    other: Fraction

    @classmethod
    def of(cls, row: Mapping[str, Json]) -> Density:
        """Return the density that a row of the wire data states, in decimal text or fractions."""
        return cls(Fraction(row["ascii"]), Fraction(row["other"]))

    def tokens(self, text: Characters) -> int:
        """Return the tokens of *text*, rounded up."""
        return math.ceil(text.ascii / self.ascii + text.other / self.other)


class RequestText:
    """Tells how much text a request holds, when its size does tell."""

    def __init__(self, row: Mapping[str, Json]) -> None:
        """Read the `text` part of the wire data."""
        self.density = Density.of(row["characters_a_token"])
        self._untold = re.compile("|".join(f"(?:{pattern})" for pattern in row["not_told_by_size"]).encode())

    def characters(self, body: bytes | None) -> Characters | None:
        """Return the characters of a JSON body, None when it holds or names input that is no text in it."""
        if not body or body[:1] not in b"{ \n" or self._untold.search(body):
            return None
        written = Characters().plus(body.decode("utf-8", "replace"))
        # Some clients escape what is not ASCII: six characters for one.
        escaped = min(body.count(b"\\u"), written.ascii // 6)
        return Characters(written.ascii - 6 * escaped, written.other + escaped)


def estimated(
    reading: WireReading, streamed: Characters, asked: Characters | None, density: Density
) -> WireReading:  # fmt: skip
    """Return *reading* with the tokens that its stream did not tell, or as it is when nothing honest can be said.

    streamed: the text that came. asked: the text that was sent, None when its size tells nothing. What the provider
    told stands, and the output is never less than that. Reasoning that is not streamed is not in the estimate.
    """
    if reading.outcome not in _UNTOLD:
        return reading
    told = reading.usage.get("input_tokens")
    entered = told if told is not None else density.tokens(asked) if asked is not None else 0
    if not entered:
        return reading
    output = max(density.tokens(streamed), reading.usage.get("output_tokens", 0))
    basis = USAGE_FROM_TEXT if told is None else OUTPUT_FROM_TEXT
    return reading._replace(usage={**reading.usage, "input_tokens": entered, "output_tokens": output}, estimate=basis)
