# SPDX-License-Identifier: Apache-2.0
"""A small source for tests of the page: two days, three features, a loop, hostile names, an unknown model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.reports.otlp import chat, request, span, written

HOSTILE = '<img src=x onerror="document.title=1">\u202e\x07'
LOOP = 77
DAY = 86_400


def page_source(path: Path, spans_of_loop: int = 40) -> Path:
    """Write the source; the loop is trace LOOP on the second day."""
    spans: list[dict[str, Any]] = []
    number = 1000
    for trace in range(1, 31):
        tags = {"app__feature": ("search", "chat", HOSTILE)[trace % 3], "app__workspace_id": f"w{trace % 2}"}
        at = 3600.0 * trace
        spans.append(span(trace, number, None, at, name=f"request {trace}", app__outcome="success", **tags))
        spans.append(chat(trace, number + 1, tokens=2000, parent=number, at_s=at, **tags))
        number += 2
    spans.append(span(LOOP, number, None, DAY + 9000, name=HOSTILE, app__feature="search"))
    root = number
    for index in range(spans_of_loop):
        number += 1
        spans.append(
            chat(
                LOOP,
                number,
                model="gpt-4o",
                tokens=5000,
                parent=root,
                at_s=DAY + 9000 + 2 * index,
                app__feature="search",
            )
        )
    spans.append(chat(90, number + 1, model="house-model", at_s=5000, app__feature="chat"))
    return written(path, request(*spans))
