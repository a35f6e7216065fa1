# SPDX-License-Identifier: Apache-2.0
"""A document is read however its JSON is laid out in lines; a bad line among good ones is named alone."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spancost.store.json_documents import requests

DOCUMENT = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "x"}, "spans": [{"name": "a", "attributes": []}]}]}]}
COMPACT = json.dumps(DOCUMENT)


def read(text: str | bytes) -> list[tuple[Any, str | None]]:
    return list(requests(io.BytesIO(text.encode() if isinstance(text, str) else text)))


@given(st.lists(st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n\n"]), min_size=60, max_size=60), st.integers(1, 3))
def test_a_document_is_read_wherever_its_lines_end(spaces: list[str], copies: int) -> None:
    """White space between any two tokens changes nothing; documents may follow each other."""
    tokens = COMPACT.replace(" ", "").replace(",", " , ").replace(":", " : ").replace("{", " { ").replace("}", " } ")
    text = "".join(part for pair in zip(tokens.split(), spaces, strict=False) for part in pair)
    assert read("\n".join([text] * copies)) == [(DOCUMENT, None)] * copies


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(DOCUMENT, indent=2),
        "\n\n" + json.dumps(DOCUMENT, indent=2),
        '{ "resourceSpans":\n' + json.dumps(DOCUMENT["resourceSpans"]) + "\n}",
        '{"resourceSpans": [\n' + json.dumps(DOCUMENT["resourceSpans"])[1:] + "}",
        "\ufeff" + json.dumps(DOCUMENT, indent=1),
        json.dumps(DOCUMENT, indent=2).replace("\n", "\r\n"),
    ],
    ids=["brace", "blank lines first", "inline first member", "inline opening", "mark before the text", "windows"],
)
def test_a_document_over_several_lines_is_one_request(text: str) -> None:
    """Whatever its first line is."""
    assert read(text) == [(DOCUMENT, None)]


def test_a_broken_document_is_one_fault() -> None:
    """Not one a line."""
    ((request, fault),) = read(json.dumps(DOCUMENT, indent=2)[:-4])
    assert request is None and fault is not None and fault.startswith("file: found no JSON")


def test_a_first_line_that_was_cut_leaves_the_others() -> None:
    """A file of lines stays one, with the fault where it is."""
    (first, *others) = read(f"{COMPACT[:-5]}\n{COMPACT}\n\n{COMPACT}\n")
    assert first[0] is None and (first[1] or "").startswith("line 1: found no JSON")
    assert others == [(DOCUMENT, None)] * 2
