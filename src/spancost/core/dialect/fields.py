# SPDX-License-Identifier: Apache-2.0
"""Count fields of a span and their valid values."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from spancost.core.call import Quantity
from spancost.core.dialect.inclusive import FIGURES, UNEXPLAINED

OTHER_METERS = (
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
    "cache_read_image_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "input_video_tokens",
    "input_characters",
    "audio_seconds",
    "output_audio_seconds",
    "video_seconds",
    "pages",
    "images",
    "input_images",
    "citation_tokens",
    "search_units",
    "web_searches",
    "preview_searches",
    "maps_searches",
    "routed_input_tokens",
    "file_searches",
    "social_searches",
    "collection_searches",
    "attachment_searches",
    "code_executions",
    "code_interpreter_sessions",
)
COUNTS = FIGURES + OTHER_METERS
COUNTED = frozenset(COUNTS)
_DIVISIBLE = frozenset(field for field in OTHER_METERS if not field.endswith("_tokens"))
ESSENTIAL = frozenset(FIGURES[:9])
REPORTED = ESSENTIAL - {"tool_prompt_tokens"}
MAX_COUNT = 1 << 60
SMALLEST = 1e-9
DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_WHOLE = re.compile(r"([0-9]{1,18})(?:\.0{1,18})?")


def number_of(text: str) -> int | str:
    """Return the whole number that *text* contains (`1024`, `1024.0`), any other text unchanged."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else text


def fraction_of(value: Any) -> Quantity | None:
    """Return a number or decimal text as an exact amount (8.3 is 83/10), None when it is not valid.

    Valid amounts are 0, or at least SMALLEST and less than MAX_COUNT.
    """
    if type(value) is float:
        if not (value == 0 or SMALLEST <= value < MAX_COUNT):
            return None
        exact = Fraction(repr(value))
    elif type(value) is str and DECIMAL.fullmatch(value):
        exact = Fraction(value)
        if not (exact == 0 or SMALLEST <= exact < MAX_COUNT):
            return None
    else:
        return None
    return exact.numerator if exact.denominator == 1 else exact


def figures_of(values: dict[str, Any]) -> tuple[dict[str, Quantity], str | None]:
    """Return the valid counts among *values*, and the name of an invalid one, if any.

    Tokens are whole numbers; seconds and similar meters may be fractions, as a number or decimal text.
    """
    figures: dict[str, Quantity] = {}
    bad = None
    for field, value in values.items():
        if field not in COUNTED:
            continue
        if type(value) is int and 0 <= value < MAX_COUNT:
            figures[field] = value
        elif type(value) is float and value.is_integer() and 0 <= value < MAX_COUNT:
            figures[field] = int(value)
        elif field in _DIVISIBLE and (amount := fraction_of(value)) is not None:
            figures[field] = amount
        elif bad is None or bad not in ESSENTIAL:
            bad = field
    return figures, bad


def caveat_of_usage(
    bad: str | None, split: str | None, is_incomplete: bool, ruled: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Return the caveat of a reading. bad: an invalid count. split: the caveat of `inclusive`. is_incomplete: input or
    output is missing. ruled: the caveat of the rules."""
    if bad:
        return ("unpriced" if bad in ESSENTIAL else "partial", "bad_usage")
    if split and ruled is None:
        return ("partial" if split == UNEXPLAINED else "estimated", split)
    if is_incomplete and (ruled is None or ruled[0] == "estimated"):
        return ("partial", "usage_not_reported")
    return ruled
