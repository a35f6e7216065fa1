# SPDX-License-Identifier: Apache-2.0
"""Usage and cost analytics of an Anthropic organization, by typed resources of its SDK (anthropic 2.12, 2026-11)."""

from __future__ import annotations

from datetime import date

import anthropic

from spancost.bills.fetch import Ask, HttpFault, detail_of

_MOST_ROWS = 1000


def open_source(report: str, key: str, base_url: str) -> Ask:
    """Return what asks for pages of the `cost` or `usage` report. It raises HttpFault.

    The key goes to *base_url* only.
    """
    client = anthropic.Anthropic(
        api_key=key, base_url=base_url, http_client=anthropic.DefaultHttpxClient(follow_redirects=False)
    )
    analytics = client.beta.organization.analytics

    def ask(start: date, end: date, token: str | None) -> bytes:
        begin, finish = f"{start}T00:00:00Z", f"{end}T00:00:00Z"
        page = anthropic.omit if token is None else token
        try:
            if report == "cost":
                # At most five, and cost_type and token_type: a row for each kind of token.
                return analytics.cost.with_raw_response.list(
                    starting_at=begin,
                    ending_at=finish,
                    time_bucket_width="1d",
                    group_by=[
                        "model",
                        "workspace_id",
                        "service_tier",
                        "context_window",
                        "inference_geo",
                        "cost_type",
                        "token_type",
                    ],
                    limit=_MOST_ROWS,
                    page=page,
                ).http_response.content
            return analytics.usage.with_raw_response.list(
                starting_at=begin,
                ending_at=finish,
                time_bucket_width="1d",
                group_by=["model", "workspace_id", "service_tier", "context_window", "inference_geo"],
                limit=_MOST_ROWS,
                page=page,
            ).http_response.content
        except anthropic.APIStatusError as error:
            raise HttpFault(error.status_code, detail_of(error.body)) from None
        except anthropic.APIConnectionError as error:
            raise HttpFault(None, type(error.__cause__ or error).__name__) from None

    return ask
