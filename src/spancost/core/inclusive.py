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
    "output_tokens",
    "visible_output_tokens",
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
`doubled_input_tokens` holds cache reads twice, `visible_output_tokens` leaves reasoning out,
`tool_prompt_tokens` is input outside of the input, `total_tokens` proves."""

_WRITES = FIGURES[9:13]


def inclusive(figures: dict[str, Quantity]) -> dict[str, Quantity]:
    """Return the inclusive meters that *figures* tell.

    Only whole numbers of tokens at or above 0 are passed in. Meters that no figure tells are left out.
    """
    get = figures.get
    usage = {name: amount for name, amount in figures.items() if name not in _DERIVED}
    read = get("cache_read_tokens") or 0
    written = get("cache_write_tokens")
    parts = [figures[name] for name in _WRITES if name in figures]
    if parts and (written is None or sum(parts) > written):
        written = usage["cache_write_tokens"] = sum(parts)
    cached = read + (written or 0)
    total = get("total_tokens")
    output = get("output_tokens")
    visible = get("visible_output_tokens")
    entered = _input(figures, cached, read, total, visible if output is None else output)
    if entered is not None:
        entered += get("tool_prompt_tokens") or 0
        usage["input_tokens"] = entered
    reasoning = get("reasoning_tokens") or 0
    if output is not None:
        if reasoning and (reasoning > output or (total is not None and total == (entered or 0) + output + reasoning)):
            output += reasoning
        usage["output_tokens"] = output
    elif visible is not None:
        output = visible + reasoning
        if not reasoning and total is not None and entered is not None and total > entered + visible:
            output = total - entered
            usage["reasoning_tokens"] = output - visible
        usage["output_tokens"] = output
    return usage


_DERIVED = frozenset(FIGURES[:7])


def _input(
    figures: dict[str, Quantity], cached: Quantity, read: Quantity, total: Quantity | None, output: Quantity | None
) -> Quantity | None:
    """Return the total input: the cached part is added when the figure is proven or said to leave it out."""
    entered = figures.get("input_tokens")
    if entered is not None:
        if cached and (cached > entered or (total is not None and total == entered + (output or 0) + cached)):
            return entered + cached
        return entered
    uncached = figures.get("uncached_input_tokens")
    if uncached is not None:
        return uncached + cached
    doubled = figures.get("doubled_input_tokens")
    if doubled is not None:
        return doubled - read if doubled >= 2 * read else doubled
    if total is not None and output is not None and total >= output + cached:
        return total - output
    return None
