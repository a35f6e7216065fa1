# SPDX-License-Identifier: Apache-2.0
"""How a dialect is found, what its rules ask, and what its encoded values may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.dialect.dialects import DialectError, Dialects
from spancost.core.dialect.encoded import MAX_CHARACTERS, parse, text_of
from spancost.core.dialect.rule import name_matches, version_within
from spancost.core.span import Span

NAMES = data.default_names()


def compiled(**scopes: list[str]) -> dict[str, Any]:
    """Return dialects with these scope patterns that read one key each."""
    entries = [
        {
            "id": name,
            "scopes": patterns,
            "detect_by": [f"only.{name}"],
            "default": ["call", "chat"],
            "keys": {"input_tokens": ["in"], "output_tokens": [f"only.{name}"]},
            "responses": {},
            "operations": {},
            "providers": {},
            "rules": [],
        }
        for name, patterns in scopes.items()
    ]
    return {"format": 1, "fallback": "a", "dialects": entries, "errors": {"keys": [], "answered": [], "rows": []}}


def span(scope: str, attributes: dict[str, Any]) -> Span:
    return Span(1, 2, None, True, 0, 1, scope, "", "", attributes)


@pytest.mark.parametrize("order", ["abc", "cba"])
def test_the_longest_pattern_wins_whatever_the_order(order: str) -> None:
    patterns = {"a": ["acme.*"], "b": ["acme.llm.*"], "c": ["acme.llm.chat"]}
    dialects = Dialects(compiled(**{name: patterns[name] for name in order}), NAMES)
    for scope, expected in (("acme.x", "a"), ("acme.llm.x", "b"), ("acme.llm.chat", "c"), ("acme.llm.chats", "b")):
        reading = dialects.read(span(scope, {"in": 1}))
        assert reading is not None and reading.emitter == expected


def test_a_detection_key_finds_the_dialect_of_an_unknown_scope() -> None:
    dialects = Dialects(compiled(a=[], b=[]), NAMES)
    detected, missing = dialects.read(span("new", {"in": 1, "only.b": 2})), dialects.read(span("new", {"in": 1}))
    assert detected is not None and detected.emitter == "b"
    assert missing is not None and missing.emitter == "a"


def test_another_form_of_the_compiled_file_is_refused() -> None:
    with pytest.raises(DialectError, match="format is 2, expected 1"):
        Dialects({**compiled(a=[]), "format": 2}, NAMES)


@pytest.mark.parametrize(
    ("version", "bounds", "within"),
    [
        ("0.1.13", ">=0.1.12 <0.1.16", True),
        ("0.1.16", ">=0.1.12 <0.1.16", False),
        ("0.1.9", ">=0.1.12 <0.1.16", False),
        ("1.3b0", ">=1.3", True),
        ("1.3b0", "<1.3", False),
        ("4.30.1", ">=4.27 <4.31", True),
        ("2", "=2.0", True),
        ("", "<1", False),
        ("dev", ">=0", False),
    ],
)
def test_versions_lie_within_bounds(version: str, bounds: str, within: bool) -> None:
    assert version_within(version, bounds) is within


def test_patterns_match_by_beginning_end_or_whole() -> None:
    assert name_matches(("a.*", "*.z", "m"), "a.b")
    assert name_matches(("a.*", "*.z", "m"), "y.z")
    assert name_matches(("a.*", "*.z", "m"), "m")
    assert not name_matches(("a.*", "*.z", "m"), "mm")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": {"b": [1, 2.5, null, true]}}', {"a": {"b": [1, 2.5, None, True]}}),
        ("{'a': None, 'b': {'c': 1, 'd': True}, 'e': (1,)}", {"a": None, "b": {"c": 1, "d": True}, "e": [1]}),
        ("{'it': \"it's\", 'x': Details(n=3, m=None)}", {"it": "it's", "x": {"n": 3, "m": None}}),
        ("Usage(prompt_tokens=5, details=Details(cached=2))", {"prompt_tokens": 5, "details": {"cached": 2}}),
        ("{'a': 1", None),
        ("{'a' 1}", None),
        ("not at all", None),
        ("", None),
        ("__import__('os').system('x')", None),
        ("[" * 5000, None),
        ("{'a': " * 50 + "D()" + "}" * 50, None),
        (" " * MAX_CHARACTERS + "{}", None),
        (5, None),
    ],
)
def test_encoded_values(text: object, value: object) -> None:
    assert parse(text) == value


@given(st.text(alphabet="{}[]():,='\"\\ abN1.-e\n", max_size=60))
def test_no_text_breaks_the_scanner(text: str) -> None:
    parse(text)
    text_of(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(alphabet="abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1), json_values, max_size=4))
def test_numbers_in_what_python_prints_come_back(value: dict[str, Any]) -> None:
    found = parse(str(value))
    if found is not None:
        assert {key: number for key, number in found.items() if type(number) is int} == {
            key: number for key, number in value.items() if type(number) is int
        }


attribute = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2).map(tuple),
    st.sampled_from(["{}", "[1", '{"a":1}', "{'a': None}", '"x"']),
)
MARKERS = sorted(data.default_dialects().markers)
COMPILED = json.loads(data.read("semconv/compiled/dialects.json"))
SCOPES = sorted({pattern.rstrip("*") for entry in COMPILED["dialects"] for pattern in entry["scopes"]})


@given(st.sampled_from(SCOPES), st.dictionaries(st.sampled_from(MARKERS), attribute, max_size=8))
def test_nothing_that_attributes_hold_raises_or_reads_as_negative(scope: str, attributes: dict[str, Any]) -> None:
    for _ in range(2):
        reading = data.default_dialects().read(span(scope, attributes))
        assert reading is None or all(amount >= 0 for amount in reading.usage.values())
