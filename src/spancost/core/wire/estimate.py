# SPDX-License-Identifier: Apache-2.0
"""Estimates the usage of a stream that reported none from the length of its text. Text is counted, never stored."""

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
"""Basis: the provider reported the input; the output is estimated from the streamed characters."""
USAGE_FROM_TEXT = "usage_from_text"
"""Basis: the input is estimated from the characters of the request, the output from the streamed characters."""
_WITHOUT_USAGE = (outcomes.NO_USAGE, outcomes.PARTIAL_USAGE)


class Characters(NamedTuple):
    """Number of characters in a text: ASCII and other."""

    ascii: int = 0
    other: int = 0

    def plus(self, text: str) -> Characters:
        """Return the sum of these characters and those of *text*."""
        ascii_length = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
        return Characters(self.ascii + ascii_length, self.other + len(text) - ascii_length)


class Density(NamedTuple):
    """Characters of each kind per token."""

    ascii: Fraction
    other: Fraction

    @classmethod
    def of(cls, row: Mapping[str, Json]) -> Density:
        """Return the density of a row of the wire data; its numbers are decimal strings or fractions."""
        return cls(Fraction(row["ascii"]), Fraction(row["other"]))

    def tokens(self, text: Characters) -> int:
        """Return the tokens of *text*, rounded up."""
        return math.ceil(text.ascii / self.ascii + text.other / self.other)


class RequestText:
    """Counts the text of a request when its size shows how much input it has."""

    def __init__(self, row: Mapping[str, Json]) -> None:
        """Read the `text` part of the wire data."""
        self.density = Density.of(row["characters_per_token"])
        self._input_without_size = re.compile(
            "|".join(f"(?:{pattern})" for pattern in row["input_without_size"]).encode()
        )

    def characters(self, body: bytes | None) -> Characters | None:
        """Return the characters of a JSON body, None when it contains or references input that is not text."""
        if not body or body[:1] not in b"{ \n" or self._input_without_size.search(body):
            return None
        written = Characters().plus(body.decode("utf-8", "replace"))
        # Some clients escape non-ASCII characters: six characters for one.
        escaped = min(body.count(b"\\u"), written.ascii // 6)
        return Characters(written.ascii - 6 * escaped, written.other + escaped)


def estimated(
    reading: WireReading, output_text: Characters, asked: Characters | None, density: Density
) -> WireReading:  # fmt: skip
    """Return *reading* with estimates of the tokens that its stream did not report, or unchanged without a basis.

    output_text: the streamed text. asked: the text of the request, None when its size shows nothing. Reported counts
    stay, and the output is never less than the reported output. Reasoning that is not streamed is not estimated.
    """
    if reading.outcome not in _WITHOUT_USAGE:
        return reading
    reported = reading.usage.get("input_tokens")
    input_tokens = reported if reported is not None else density.tokens(asked) if asked is not None else 0
    if not input_tokens:
        return reading
    output = max(density.tokens(output_text), reading.usage.get("output_tokens", 0))
    basis = USAGE_FROM_TEXT if reported is None else OUTPUT_FROM_TEXT
    return reading._replace(
        usage={**reading.usage, "input_tokens": input_tokens, "output_tokens": output}, estimate=basis
    )
