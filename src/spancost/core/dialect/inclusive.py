# SPDX-License-Identifier: Apache-2.0
"""Converts the counts of an emitter to inclusive meters.

Emitters report input with or without cached tokens, and output with or without reasoning. A dialect says which by the
name of the field; the arithmetic checks here take precedence over the dialect.
"""

from __future__ import annotations

from collections.abc import Set

from spancost.core.call import Quantity

FIGURES = (
    "input_tokens",
    "uncached_input_tokens",
    "doubled_input_tokens",
    "stated_input_tokens",
    "output_tokens",
    "visible_output_tokens",
    "stated_output_tokens",
    "total_tokens",
    "tool_prompt_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_30m_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
    "reasoning_tokens",
)
"""Token fields of a dialect. Beyond the meters: `uncached_input_tokens` excludes cache reads and writes,
`doubled_input_tokens` counts cache reads twice, `stated_input_tokens` excludes cached tokens that only the total
includes, `visible_output_tokens` excludes reasoning, `stated_output_tokens` excludes what only the total includes,
`tool_prompt_tokens` is input outside of the input count, `total_tokens` is used to check the others."""

WRITES = FIGURES[11:15]
_ENDS = frozenset(("input_tokens", "output_tokens"))


OUTPUT_FROM_TOTAL = "output_from_total"
"""Caveat when the output was completed from the total: besides reasoning it may include tool prompts."""
UNEXPLAINED = "unexplained_tokens"
"""Caveat when the total includes tokens that are in neither input nor output: they are not priced."""
CACHE_FROM_TOTAL = "cache_from_total"
"""Caveat when cached tokens were completed from the total, as cache reads: they may include cache writes."""


def inclusive(figures: dict[str, Quantity]) -> tuple[dict[str, Quantity], str | None]:
    """Return the inclusive meters of *figures*, and the reason code of a caveat about their split or None.

    All quantities are 0 or more. Meters that are not reported are left out.
    """
    if figures.keys() == _ENDS:
        return {"input_tokens": figures["input_tokens"], "output_tokens": figures["output_tokens"]}, None
    get = figures.get
    usage = {name: amount for name, amount in figures.items() if name not in _DERIVED}
    read = get("cache_read_tokens") or 0
    written = get("cache_write_tokens")
    parts = [figures[name] for name in WRITES if name in figures]
    if parts and (written is None or sum(parts) > written):
        written = usage["cache_write_tokens"] = sum(parts)
    total = get("total_tokens")
    output = get("output_tokens", get("visible_output_tokens", get("stated_output_tokens")))
    cached, caveat = read + (written or 0), None
    stated = get("stated_input_tokens")
    if stated is not None and not cached and output is not None and total is not None and total > stated + output:
        cached = read = usage["cache_read_tokens"] = total - stated - output
        caveat = CACHE_FROM_TOTAL
    entered = _input(figures, cached, read, total, output)
    if entered is not None:
        entered += get("tool_prompt_tokens") or 0
        usage["input_tokens"] = entered
    if output is None:
        return _with_rest(usage, figures, entered, total)
    reasoning = get("reasoning_tokens") or 0
    is_visible = "output_tokens" not in figures and "visible_output_tokens" in figures
    if is_visible or (reasoning and (reasoning > output or total == (entered or 0) + output + reasoning)):
        output += reasoning
    usage["output_tokens"] = output
    if total is None or entered is None or total <= entered + output:
        return usage, caveat
    if "output_tokens" in figures or reasoning:
        return usage, UNEXPLAINED
    usage["reasoning_tokens"] = total - entered - output
    usage["output_tokens"] = total - entered
    return usage, OUTPUT_FROM_TOTAL


_DERIVED = frozenset(FIGURES[:9])
_PLAIN = frozenset(("input_tokens", "output_tokens", "total_tokens"))


def leaves_alone(names: Set[str]) -> bool:
    """Return whether `inclusive` may take figures with these *names* as they are, and leaves only the total out.

    It does where the parts are within input, output and cache writes, and the total is no more than input and output.
    """
    is_split = not names.isdisjoint(WRITES)
    return (
        "input_tokens" in names
        and _DERIVED.isdisjoint(names - _PLAIN)
        and (not is_split or "cache_write_tokens" in names)
    )


def _with_rest(
    usage: dict[str, Quantity], figures: dict[str, Quantity], entered: Quantity | None, total: Quantity | None
) -> tuple[dict[str, Quantity], str | None]:
    """Return *usage* with total minus input as its output, where no output is reported.

    A total equal to the input comes from an emitter that knows no output, so it shows none. Beyond an input that
    excludes cached tokens, the total may contain those instead.
    """
    if entered is not None and total is not None and total > entered and "input_tokens" in figures:
        usage["output_tokens"] = total - entered
    return usage, None


def _input(
    figures: dict[str, Quantity], cached: Quantity, read: Quantity, total: Quantity | None, output: Quantity | None
) -> Quantity | None:
    """Return the total input; cached tokens are added when the count excludes them, as proven or by its field."""
    entered = figures.get("input_tokens")
    if entered is not None:
        if cached and (cached > entered or (total is not None and total == entered + (output or 0) + cached)):
            return entered + cached
        return entered
    uncached = figures.get("uncached_input_tokens", figures.get("stated_input_tokens"))
    if uncached is not None:
        return uncached + cached
    doubled = figures.get("doubled_input_tokens")
    if doubled is not None:
        return doubled - read if doubled >= 2 * read else doubled
    if total is not None and output is not None and total >= output + cached:
        return total - output
    return None
