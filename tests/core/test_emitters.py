# SPDX-License-Identifier: Apache-2.0
"""Emitters by configuration: how their spans are read, and the error of an invalid description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spancost.config import data, emitters
from spancost.core.dialect.emitters import EmitterError
from spancost.core.span import Span
from tests.core.vectors import cases

CASES = cases("emitters", {"describes", "emitters", "span", "reading", "error"})


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_a_described_emitter_is_read_as_its_vector_expects(name: str, case: dict[str, Any]) -> None:
    if case["error"] is not None:
        with pytest.raises(EmitterError) as found:
            data.dialects(True, case["emitters"])
        assert str(found.value) == case["error"]
        return
    dialects, span = data.dialects(True, case["emitters"]), case["span"]
    for _ in range(2):
        reading = dialects.read(
            Span(1, 2, None, True, 0, 1, span["scope"], span["version"], span["name"], span["attributes"])
        )
        assert reading is not None
        assert case["reading"] == {
            "dialect": reading.emitter,
            "kind": reading.kind,
            "operation": reading.operation,
            "provider": reading.provider,
            "model": reading.model,
            "usage": dict(reading.usage),
            "caveat": list(reading.caveat or ()),
        }


def test_a_file_is_json_or_yaml(tmp_path: Path) -> None:
    yaml, json_file = tmp_path / "emitters.yaml", tmp_path / "emitters.json"
    yaml.write_text("emitters:\n  - {scopes: [acme*], provider: openai}\n")
    json_file.write_text('{"emitters": [{"scopes": ["acme*"], "provider": "openai"}]}')
    assert emitters.load(yaml) == emitters.load(json_file)


@pytest.mark.parametrize("content", ["a: [", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "emitters.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EmitterError, match=r"emitters\.yaml: found"):
        emitters.load(path)
