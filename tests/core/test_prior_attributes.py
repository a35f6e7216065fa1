# SPDX-License-Identifier: Apache-2.0
"""The set `standard` loses nothing that a later run reads: the record of a priced span is the same as with `full`."""

from __future__ import annotations

from typing import Any

import pytest

from spancost.config import attribute_sets, data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.record import CallRecord
from spancost.core.span import Span

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "openai.response.service_tier": "flex",
    "app.feature": "search",
}
START_NS = 1_764_000_000_000_000_000


def _end(attributes: dict[str, Any]) -> tuple[dict[str, Any], CallRecord]:
    """Return what a ledger of its own writes on the span, and the record that it makes."""
    ledger = Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions(records=True))
    span = Span(
        1, 2, None, True, START_NS, START_NS + 10**9, "opentelemetry.instrumentation.openai_v2", "", "chat", attributes
    )
    ended = ledger.end(span)
    assert ended.record is not None
    return dict(ended.writes), ended.record


def test_standard_leaves_out_what_the_span_states_otherwise() -> None:
    """And writes it where the span states another value, or none."""
    selection = attribute_sets.selection(("standard",))
    assert selection is not None
    left_out = {"llm.operation", "llm.request_id", "llm.cost_source"}
    written, _ = _end(CALL)
    assert left_out <= written.keys()
    selection.apply(written, CALL)
    assert not left_out & written.keys()
    written, _ = _end(CALL)
    selection.apply(written, {**CALL, "gen_ai.operation.name": "text_completion", "gen_ai.response.id": None})
    assert left_out & written.keys() == {"llm.operation", "llm.request_id"}
    written, _ = _end(CALL)
    selection.apply({**written, "llm.pricing_version": "x+o1"}, CALL)
    assert written["llm.cost_source"] == "rate_card"


@pytest.mark.parametrize("changed", [{}, {"gen_ai.request.model": "unheard-of"}, {"gen_ai.provider.name": "anthropic"}])
def test_a_priced_span_of_the_set_standard_gives_the_same_record(changed: dict[str, str]) -> None:
    attributes = {**CALL, **changed}
    written, first = _end(attributes)
    _, of_full = _end({**attributes, **written})
    selection = attribute_sets.selection(("standard",))
    assert selection is not None
    selection.apply(written, attributes)
    _, of_standard = _end({**attributes, **written})
    assert of_standard == of_full
    assert of_standard._replace(usage={}) == first._replace(usage={})
