# SPDX-License-Identifier: Apache-2.0
"""When two spans may be one call: formats of ids, by the vectors that every implementation reads, and processes."""

from __future__ import annotations

from typing import Any

import pytest

from spancost.config import data
from spancost.core.dialect.identity import Identity
from tests.core.vectors import cases

IDENTITY = data.default_dialects().identity


@pytest.mark.parametrize(("name", "case"), cases("identity", {"describes", "ids"}))
def test_response_ids_have_the_forms_that_their_vector_expects(name: str, case: dict[str, Any]) -> None:
    for kind, ids in case["ids"].items():
        for response_id in ids:
            form = IDENTITY.form(response_id)
            found = "none" if form is None else "stored" if form.is_stored else "issued"
            assert (response_id, found) == (response_id, kind)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"service.name": "a", "service.instance.id": "1"}, {"service.instance.id": "1", "service.name": "a"}, True),
        ({"service.name": "a", "service.instance.id": "1"}, {"service.name": "b", "service.instance.id": "1"}, False),
        ({"service.name": "a", "service.instance.id": "1"}, {"service.name": "a", "service.instance.id": "2"}, False),
        ({"process.pid": 7, "host.name": "h"}, {"process.pid": "7", "host.name": "h"}, True),
        ({"process.pid": 7, "host.name": "h"}, {"process.pid": 7, "host.name": "g"}, False),
        ({"service.name": "a"}, {"service.name": "a"}, False),
        ({"process.pid": 7}, {"process.pid": 7}, False),
        ({"process.pid": True, "host.name": "h"}, {"process.pid": True, "host.name": "h"}, False),
    ],
)
def test_a_process_is_identified_by_its_resource(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    found = IDENTITY.process(one)
    assert (found is not None and found == IDENTITY.process(other)) == same


def test_detached_emitters_come_from_dialects() -> None:
    assert IDENTITY.is_detached("openinference.instrumentation.langchain")
    assert IDENTITY.is_detached("logfire.anthropic")
    assert not IDENTITY.is_detached("openinference.instrumentation.openai")
    assert not Identity({}, ()).is_detached("logfire.anthropic")
