# SPDX-License-Identifier: Apache-2.0
"""Single values of a span: hosts, finish reasons, times and amounts of money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spancost.core.dialect.encoded import text_of
from spancost.core.dialect.fields import DECIMAL
from spancost.core.money import femto_from_text


def host(value: Any) -> str | None:
    """Return the host of a server address or URL, None when there is none."""
    if not isinstance(value, str) or not value:
        return None
    return value.partition("://")[2].partition("/")[0] or None if "://" in value else value


def finish(value: Any) -> str | None:
    """Return the provider's finish reason; Python enumerations lose their class name."""
    text = text_of(value)
    return text.rpartition(".")[2].lower() if text and text.startswith("FinishReason.") else text


def began_at(start_ns: int, end_ns: int, duration: Any) -> int | None:
    """Return the start of a call from the duration in seconds that its span reports; None without a valid duration."""
    duration = amount(duration)
    if isinstance(duration, (int, float)) and not isinstance(duration, bool) and 0 <= duration < 1e6:
        return min(start_ns, end_ns - round(duration * 1e9))
    return None


def amount(value: Any) -> Any:
    """Return the number that a text contains, any other value unchanged."""
    return float(value) if isinstance(value, str) and DECIMAL.fullmatch(value) else value


def bill(values: Mapping[str, Any]) -> int | None:
    """Return what the provider billed, in 1e-15 USD; None when the span does not state it.

    With a key of the customer's own at the upstream provider, `billed_cost_usd` is only a gateway's fee. Where nothing
    says whose key it was, the amounts tell: without such a key the bill is never below the upstream provider's part.
    """
    paid = femto(values.get("billed_cost_usd"))
    upstream = None if paid is None else femto(values.get("upstream_cost_usd"))
    if paid is None or upstream is None:
        return paid
    own = values.get("own_key")
    is_own = paid < upstream if own is None else own is True or own == "true"
    return paid + upstream if is_own else paid


def is_less(value: Any, other: Any) -> bool:
    """Return whether both are amounts of USD and the first is the smaller one."""
    first, second = femto(value), femto(other)
    return first is not None and second is not None and first < second


def femto(value: Any) -> int | None:
    """Return an amount of USD in 1e-15 USD, None unless *value* is an amount from 0 to 1e9."""
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return femto_from_text(value) if float(value) < 1e9 else None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9:
        return femto_from_text(repr(value))
    return None
