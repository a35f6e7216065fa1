# SPDX-License-Identifier: Apache-2.0
"""From the figures an emitter reports to inclusive meters.

Emitters report the input with or without the cached part, the output with or without reasoning. A dialect says which
by the name of the figure; the arithmetic proofs here come before what the dialect says.
"""

from __future__ import annotations

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
"""What a dialect may say about tokens. Beyond the meters: `uncached_input_tokens` leaves cache reads and writes out,
`doubled_input_tokens` holds cache reads twice, `stated_input_tokens` leaves out a cached part that no figure tells and
the total holds, `visible_output_tokens` leaves reasoning out,
`stated_output_tokens` leaves out what the total holds beyond it,
`tool_prompt_tokens` is input outside of the input, `total_tokens` proves."""

_WRITES = FIGURES[11:15]


OUTPUT_FROM_TOTAL = "output_from_total"
"""Reason of the doubt when the output was completed from the total: beyond reasoning it may hold tool prompts."""
UNEXPLAINED = "unexplained_tokens"
"""Reason of the doubt when the total holds tokens that neither input nor output does: they are not priced."""
CACHE_FROM_TOTAL = "cache_from_total"
"""Reason of the doubt when the cached part was completed from the total, as cache reads: it may hold cache writes."""


def inclusive(figures: dict[str, Quantity]) -> tuple[dict[str, Quantity], str | None]:
    """Return the inclusive meters that *figures* tell, and the code of a doubt about their split or None.

    Only quantities at or above 0 are passed in. Meters that no figure tells are left out.
    """
    get = figures.get
    usage = {name: amount for name, amount in figures.items() if name not in _DERIVED}
    read = get("cache_read_tokens") or 0
    written = get("cache_write_tokens")
    parts = [figures[name] for name in _WRITES if name in figures]
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


def _with_rest(
    usage: dict[str, Quantity], figures: dict[str, Quantity], entered: Quantity | None, total: Quantity | None
) -> tuple[dict[str, Quantity], str | None]:
    """Return *usage* with what the total holds beyond the input as its output, where no output is told.

    A total that is no more than the input is what an emitter adds up that knows no output: it tells none. What the
    total holds beyond an input that leaves the cached part out may be that part.
    """
    if entered is not None and total is not None and total > entered and "input_tokens" in figures:
        usage["output_tokens"] = total - entered
    return usage, None


def _input(
    figures: dict[str, Quantity], cached: Quantity, read: Quantity, total: Quantity | None, output: Quantity | None
) -> Quantity | None:
    """Return the total input: the cached part is added when the figure is proven or said to leave it out."""
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
