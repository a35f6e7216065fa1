# SPDX-License-Identifier: Apache-2.0
"""A budget as it was written, and which calls it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from spancost.core.budget.windows import SESSION, TRACE, Window

REFUSE, HIGHEST_KNOWN, ALLOW = "refuse", "highest_known", "allow"
BLOCK, WARN = "block", "warn"
NO_VALUE = "(none)"
"""The value of a key that a call does not have: such calls share one budget."""


class CallFacts(NamedTuple):
    """What budgets know of a call before it is sent.

    values: `provider`, `model`, `operation`, `host` and `app.*` attributes -> text. trace, session: their ids, None
    outside any. input_tokens: an upper estimate by size. output_tokens: the request's own bound over all its choices,
    None when it sets none.
    """

    values: Mapping[str, str]
    trace: str | None = None
    session: str | None = None
    input_tokens: int = 0
    output_tokens: int | None = None


class Limit(NamedTuple):
    """One budget of a file.

    Attributes:
        id: its name. match: key -> patterns of which one must hold (`*` at one end); empty is every call.
        per: keys; each combination of their values has a budget of its own.
        femto: the limit in 1e-15 USD. window: the period in which spend counts.
        warn_at: shares of the limit at which a warning is given once a period. at_limit: BLOCK, WARN or an action.
        may_cross: a call is sent while anything is left, so that one call may exceed the limit.
        unknown_price: what a call without a known price reserves: REFUSE, HIGHEST_KNOWN or ALLOW (nothing).
        assumed_output: output tokens of a call that sets no bound of its own; None for what `assumed_output` says.
        hold_ns: how long a reservation lasts; one that is not settled by then counts as spent.
        cut_at_limit: whether a stream is closed where its cost would exceed what is left.
        degrade: (model, output bound) that a call gets instead of being refused, None for no change of either.
        on_store_failure: "local", "allow" or "block" while the store of a fleet cannot be reached.
    """

    id: str
    femto: int
    window: Window
    match: Mapping[str, Sequence[str]] = {}
    per: tuple[str, ...] = ()
    warn_at: tuple[Fraction, ...] = ()
    at_limit: str = BLOCK
    may_cross: bool = False
    unknown_price: str = HIGHEST_KNOWN
    assumed_output: int | None = None
    hold_ns: int = 900 * 10**9
    cut_at_limit: bool = False
    degrade: tuple[str | None, int | None] | None = None
    on_store_failure: str = "local"


def applies(limit: Limit, facts: CallFacts) -> bool:
    """Return whether *limit* is about a call."""
    for key, patterns in limit.match.items():
        text = facts.values.get(key)
        if text is None or not any(_matches(pattern, text) for pattern in patterns):
            return False
    return True


def value_key(limit: Limit, facts: CallFacts) -> str | None:
    """Return which of the budgets of *limit* a call falls under: its values, its trace or its session.

    None for a call outside any trace or session, when the window is one: no later call is in the same.
    """
    values, kind = facts.values, limit.window.kind
    parts = [_escaped(values.get(key) or NO_VALUE) for key in limit.per] if limit.per else []
    if kind == TRACE:
        if facts.trace is None:
            return None
        parts.append(_escaped(facts.trace))
    elif kind == SESSION:
        if (session := facts.session or facts.trace) is None:
            return None
        parts.append(_escaped(session))
    return parts[0] if len(parts) == 1 else ",".join(parts)


def account_of(limit: Limit, key: str) -> str:
    """Return the account of *limit* for *key* (`value_key`): `ID:WINDOW:VALUES`, the same in every store."""
    return f"{limit.id}:{limit.window.kind}:{key}"


class AccountName(NamedTuple):
    """The parts of an account's key. period: "" for windows without periods."""

    budget: str
    window: str
    key: str
    period: str


def parsed_key(text: str) -> AccountName:
    """Return the parts of the key of a balance: an account and, after another colon, the name of a period."""
    budget, _, rest = text.partition(":")
    window, _, rest = rest.partition(":")
    key, _, period = rest.partition(":")
    return AccountName(budget, window, key, period)


def readable(key: str) -> str:
    """Return values as people wrote them."""
    return key.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")


def _escaped(text: str) -> str:
    if not text.isalnum() and ("%" in text or ":" in text or "," in text):
        return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return text


def _matches(pattern: str, text: str) -> bool:
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return pattern == text
