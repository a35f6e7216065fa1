# SPDX-License-Identifier: Apache-2.0
"""What spans of every dialect say, by the vectors that every implementation reads."""

from __future__ import annotations

from typing import Any

import pytest

from spancost.config import data
from spancost.core.span import Span
from tests.core.vectors import cases

CASES = cases("dialect", {"describes", "span", "reading"})
FIELDS = {
    "provider",
    "model",
    "request_model",
    "response_id",
    "finish_reason",
    "service_tier",
    "processing",
    "context",
    "reported_femto",
    "billed",
}


def span_of(source: dict[str, Any]) -> Span:
    assert set(source) - {"language"} == {"scope", "version", "name", "attributes"}
    span = Span(1, 2, None, True, 0, 1, source["scope"], source["version"], source["name"], source["attributes"])
    return span._replace(language=source.get("language", ""))


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_a_reading_matches_its_vector(name: str, case: dict[str, Any]) -> None:
    """Twice: in full, and by what was learned of the first."""
    dialects, span = data.default_dialects(), span_of(case["span"])
    for _ in range(2):
        reading = dialects.read(span)
        expected = case["reading"]
        if expected is None:
            assert reading is None
            continue
        assert reading is not None
        assert set(expected) <= FIELDS | {"dialect", "kind", "operation", "usage", "caveat"}
        assert (reading.emitter, reading.kind, reading.operation) == (
            expected["dialect"],
            expected["kind"],
            expected["operation"],
        )
        usage = {meter: n if isinstance(n, int) else str(n) for meter, n in reading.usage.items()}
        assert usage == expected["usage"]
        assert list(reading.caveat or ()) == expected.get("caveat", [])
        reported = {field: value for field in FIELDS if (value := getattr(reading, field)) not in (None, False)}
        assert reported == {field: value for field, value in expected.items() if field in FIELDS}
