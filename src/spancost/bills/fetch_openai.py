# SPDX-License-Identifier: Apache-2.0
"""Costs and completions usage of an OpenAI organization, by the typed resources of its SDK (openai 3.54, 2026-11)."""

from __future__ import annotations

from datetime import date, datetime, timezone

import openai

from spancost.bills.fetch import Ask, HttpFault, detail_of

_MOST_BUCKETS = {"cost": 180, "usage": 31}


def open_source(report: str, key: str, base_url: str) -> Ask:
    """Return what asks for pages of the `cost` or `usage` report. It raises HttpFault.

    The key goes to *base_url* only.
    """
    client = openai.OpenAI(
        api_key="",
        admin_api_key=key,
        base_url=base_url,
        http_client=openai.DefaultHttpxClient(follow_redirects=False),
    )
    resource = client.admin.organization.usage.with_raw_response

    def ask(start: date, end: date, token: str | None) -> bytes:
        begin_s, end_s = _seconds(start), _seconds(end)
        page = openai.omit if token is None else token
        limit = min((end - start).days, _MOST_BUCKETS[report])
        try:
            if report == "cost":
                answer = resource.costs(
                    start_time=begin_s,
                    end_time=end_s,
                    bucket_width="1d",
                    group_by=["line_item", "project_id"],
                    limit=limit,
                    page=page,
                )
                return answer.http_response.content
            return resource.completions(
                start_time=begin_s,
                end_time=end_s,
                bucket_width="1d",
                group_by=["model", "project_id", "batch", "service_tier"],
                limit=limit,
                page=page,
            ).http_response.content
        except openai.APIStatusError as error:
            raise HttpFault(error.status_code, detail_of(error.body)) from None
        except openai.APIConnectionError as error:
            raise HttpFault(None, type(error.__cause__ or error).__name__) from None

    return ask


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
