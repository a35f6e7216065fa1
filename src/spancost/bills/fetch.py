# SPDX-License-Identifier: Apache-2.0
"""Fetches the pages of a provider's bill: which to ask for, when to stop, and the file that `read_bill` reads.

A page is kept as the provider sent it: its numbers stay literals, its empty buckets stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from spancost.bills.line import BillError

DAY = timedelta(days=1)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MOST_DETAIL = 200
Ask = Callable[[date, date, str | None], bytes]
"""Returns the page of a window (end excluded) at a token (None for the first one)."""


class Source(NamedTuple):
    """What a provider reports.

    Attributes:
        module: the module with `open_source(report, key, base_url)`, which returns an `Ask`.
        key: the environment variable with the key. key_kind: what key it holds, for people.
        base_url: where the API is. reports: name of each report with its form in billing/sources.
        days: the longest window of one query, None for any. oldest_days: how far back it goes, None when unknown.
    """

    module: str
    key: str
    key_kind: str
    base_url: str
    reports: Mapping[str, str]
    days: int | None = None
    oldest_days: int | None = None


SOURCES = {
    "openai": Source(
        module="spancost.bills.fetch_openai",
        key="OPENAI_ADMIN_KEY",
        key_kind="an admin key",
        base_url="https://api.openai.com/v1",
        reports={"cost": "openai_costs", "usage": "openai_usage_completions"},
    ),
    "anthropic": Source(
        module="spancost.bills.fetch_anthropic",
        key="ANTHROPIC_ADMIN_KEY",
        key_kind="an admin key or a key with the scope read:analytics",
        base_url="https://api.anthropic.com",
        reports={"cost": "anthropic_analytics_cost", "usage": "anthropic_analytics_usage"},
        days=31,
        oldest_days=365,
    ),
    "openrouter": Source(
        module="spancost.bills.fetch_openrouter",
        key="OPENROUTER_MANAGEMENT_KEY",
        key_kind="a management key",
        base_url="https://openrouter.ai/api/v1",
        reports={"cost": "openrouter_activity"},
        days=1,
        oldest_days=30,
    ),
}
"""Sources by provider. Limits: openai 3.54, anthropic 2.12, openrouter 1.3 (2026-11)."""


class HttpFault(Exception):
    """A request failed. status: of the answer, None without one; detail: the sentence of the provider, or the cause."""

    def __init__(self, status: int | None, detail: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def key_of(source: Source) -> str:
    """Return the key in the environment; BillError, which never shows it, when there is none that a header can hold."""
    key = os.environ.get(source.key, "")
    if not key:
        raise BillError(f"found no {source.key} in the environment; expected {source.key_kind}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise BillError(f"{source.key}: found spaces or control characters; expected {source.key_kind}")
    return key


def base_url_of(source: Source, given: str | None) -> str:
    """Return the address of the API; BillError for one that would send the key unencrypted to another machine."""
    if given is None:
        return source.base_url
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise BillError("--base-url: found no address; expected one such as https://example.com/v1") from None
    is_plain = given.isascii() and given.isprintable() and not set(" ?#@") & set(given) and port != 0
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not is_plain or not (parts.scheme == "https" or is_local):
        raise BillError("--base-url: expected an https address without user or query, or http on this machine")
    return given.rstrip("/")


def pages(source: Source, ask: Ask, since: date, until: date) -> Iterator[bytes]:
    """Yield the pages of the days from *since* to before *until*, each as one line; BillError when one is no page."""
    step = timedelta(days=source.days) if source.days else until - since
    start = since
    while start < until:
        end = min(start + step, until)
        token: str | None = None
        seen: set[str] = set()
        while True:
            content = ask(start, end, token)
            where = f"{start} to {end}, page {len(seen) + 1}"
            token = _next_token(where, content)
            yield content.replace(b"\r", b" ").replace(b"\n", b" ").strip()
            if token is None:
                break
            if token in seen:
                raise BillError(f"{where}: found the next_page of an earlier page; expected a new one")
            seen.add(token)
        start = end


def rows_of(where: str, content: bytes) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """Return a page and its `data`; BillError when *content* is none."""
    try:
        page = json.loads(str(content, "utf-8"), parse_float=str, parse_int=str)
    except ValueError:
        raise BillError(f"{where}: found no JSON; expected a page of rows") from None
    rows = page.get("data") if isinstance(page, dict) else None
    if not isinstance(rows, list):
        raise BillError(f"{where}: found no list `data`; expected a page of rows")
    return page, rows


def _next_token(where: str, content: bytes) -> str | None:
    page, _ = rows_of(where, content)
    token = page.get("next_page")
    if page.get("has_more") is False or (not page.get("has_more") and not token):
        return None
    if not isinstance(token, str) or not token:
        raise BillError(f"{where}: found has_more without next_page; expected the token of the next page")
    return token


def fault_sentence(provider: str, source: Source, fault: HttpFault, key: str) -> str:
    """Return what went wrong in one sentence, without the key."""
    if fault.status is None:
        return f"{provider}: cannot be reached ({fault.detail}); expected an answer of its API"
    found = f"{provider}: found status {fault.status}"
    if fault.status in (401, 403):
        return f"{found}; expected {source.key} to be {source.key_kind} of the organization"
    if fault.status == 429:
        return f"{found} (too many requests) after retries; try again later"
    if fault.status >= 500:
        return f"{found} after retries; try again later"
    detail = " ".join(fault.detail.replace(key, "[key]").split())[:_MOST_DETAIL]
    return f"{found}{f' ({detail})' if detail else ''}; expected 200"


def detail_of(body: object) -> str:
    """Return the message in the body of an error answer, empty when there is none."""
    error = body.get("error", body) if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""


def first_open_day(now: datetime, lag_hours: int) -> date:
    """Return the first day that its source may still restate at *now*."""
    return (now.astimezone(timezone.utc) - timedelta(hours=lag_hours)).date()


def asked_for(form_id: str, since: date, until: date) -> bytes:
    """Return the first line of a file: the form of its pages and its days. A later file replaces these days."""
    return json.dumps({"fetched": {"form": form_id, "since": str(since), "until": str(until)}}).encode()


def write_pages(path: Path, first: bytes, lines: Iterator[bytes]) -> int:
    """Write *first* and one page a line; return the number of pages.

    The file appears when all pages are there; else nothing changes.
    """
    part = path.with_name(f"{path.name}.part")
    count = 0
    try:
        with part.open("wb") as file:
            file.write(first + b"\n")
            for line in lines:
                file.write(line + b"\n")
                count += 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count
