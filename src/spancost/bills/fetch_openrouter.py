# SPDX-License-Identifier: Apache-2.0
"""Activity of an OpenRouter account, one UTC day a request (`GET /activity`, 2026-11)."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import date
from http.client import HTTPException
from typing import Any

from spancost.bills.fetch import Ask, HttpFault, detail_of, rows_of
from spancost.bills.line import BillError

_PAUSES_S = (0.5, 2.0)
_TIMEOUT_S = 60
_MOST_BYTES = 1 << 28


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib sends the key along to the host that a redirect names."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def open_source(report: str, key: str, base_url: str) -> Ask:
    """Return what asks for the activity of a day; it raises HttpFault. The key goes to *base_url* only."""
    opener = urllib.request.build_opener(_NoRedirects)

    def once(day: date) -> bytes:
        request = urllib.request.Request(f"{base_url}/activity?date={day}", headers={"Authorization": f"Bearer {key}"})
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise HttpFault(error.code, _detail(error.read(1 << 16))) from None
        except urllib.error.URLError as error:
            raise HttpFault(None, type(error.reason).__name__) from None
        except (OSError, HTTPException) as error:
            raise HttpFault(None, type(error).__name__) from None

    def ask(start: date, end: date, token: str | None) -> bytes:
        for pause in (*_PAUSES_S, None):
            try:
                content = once(start)
                break
            except HttpFault as fault:
                is_final = fault.status is not None and fault.status != 429 and fault.status < 500
                if pause is None or is_final:
                    raise
                time.sleep(pause)
        for row in rows_of(str(start), content)[1]:
            if not isinstance(row, dict) or not str(row.get("date", "")).startswith(str(start)):
                raise BillError(f"{start}: found a row of another day; expected rows of the day that was asked for")
        return content

    return ask


def _detail(body: bytes) -> str:
    try:
        return detail_of(json.loads(body))
    except ValueError:
        return ""
