# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/calls.yaml by tools/generate_docs.py; edit that file.
"""Columns of the stored tables: calls, traces, and the spans above calls."""

from __future__ import annotations

from typing import Final, NamedTuple


class Column(NamedTuple):
    """A column: `type` as in semconv/calls.yaml; tag, meter: the attribute or meter that it holds."""

    name: str
    type: str
    is_null: bool = False
    is_group: bool = False
    tag: str | None = None
    meter: str | None = None


CALLS: Final = (
    Column("trace_id", "string"),
    Column("span_id", "string"),
    Column("parent_id", "string", is_null=True),
    Column("started_at", "timestamp"),
    Column("duration_ns", "int64"),
    Column("service", "string", is_null=True, is_group=True),
    Column("session_id", "string", is_group=True),
    Column("provider", "string", is_null=True, is_group=True),
    Column("model", "string", is_null=True, is_group=True),
    Column("operation", "string", is_null=True, is_group=True),
    Column("tier", "string", is_null=True, is_group=True),
    Column("input_tokens", "int64", is_null=True, meter="input_tokens"),
    Column("cached_input_tokens", "int64", is_null=True, meter="cache_read_tokens"),
    Column("cache_write_input_tokens", "int64", is_null=True, meter="cache_write_tokens"),
    Column("output_tokens", "int64", is_null=True, meter="output_tokens"),
    Column("reasoning_output_tokens", "int64", is_null=True, meter="reasoning_tokens"),
    Column("meters", "map"),
    Column("cost_usd", "usd", is_null=True),
    Column("list_cost_usd", "usd", is_null=True),
    Column("status", "string", is_group=True),
    Column("reason", "string", is_null=True, is_group=True),
    Column("source", "string", is_null=True, is_group=True),
    Column("pricing_version", "string", is_null=True, is_group=True),
    Column("rate_id", "string", is_null=True, is_group=True),
    Column("feature", "string", is_null=True, is_group=True, tag="app.feature"),
    Column("environment", "string", is_null=True, is_group=True, tag="app.environment"),
    Column("team", "string", is_null=True, is_group=True, tag="app.team"),
    Column("workspace_id", "string", is_null=True, is_group=True, tag="app.workspace_id"),
    Column("user_tier", "string", is_null=True, is_group=True, tag="app.user_tier"),
    Column("experiment", "string", is_null=True, is_group=True, tag="app.experiment"),
    Column("tags", "map"),
    Column("error", "string", is_null=True, is_group=True),
    Column("finish_reason", "string", is_null=True, is_group=True),
    Column("prompt_name", "string", is_null=True, is_group=True),
    Column("prompt_version", "string", is_null=True, is_group=True),
    Column("outcome", "string", is_null=True, is_group=True),
    Column("time_to_first_token_ns", "int64", is_null=True),
    Column("trace_spans", "int64"),
)
CALLS_KEY: Final = ("trace_id", "span_id")

TRACES: Final = (
    Column("trace_id", "string"),
    Column("root_id", "string", is_null=True),
    Column("name", "string", is_null=True),
    Column("service", "string", is_null=True),
    Column("session_id", "string"),
    Column("started_at", "timestamp"),
    Column("duration_ns", "int64"),
    Column("spans", "int64"),
    Column("calls", "int64"),
    Column("unpriced_calls", "int64"),
    Column("cost_usd", "usd", is_null=True),
    Column("input_tokens", "int64"),
    Column("output_tokens", "int64"),
    Column("complete", "boolean"),
    Column("outcome", "string", is_null=True),
    Column("scores", "numbers"),
)
TRACES_KEY: Final = ("trace_id",)

SPANS: Final = (
    Column("trace_id", "string"),
    Column("span_id", "string"),
    Column("parent_id", "string", is_null=True),
    Column("name", "string"),
    Column("service", "string", is_null=True),
    Column("started_at", "timestamp"),
    Column("duration_ns", "int64"),
)
SPANS_KEY: Final = ("trace_id", "span_id")
