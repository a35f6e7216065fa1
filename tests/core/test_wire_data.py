# SPDX-License-Identifier: Apache-2.0
"""The wire data: compiled, consistent with the providers' names and the meters, and refused when it means nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spancost.config import data
from spancost.core.wire.expr import compile_formula
from spancost.core.wire.match import Wires
from spancost.core.wire.path import WireDataError, compile_getter, compile_test

ROOT = Path(__file__).parent.parent.parent
WIRES = data.default_wires()


def test_the_compiled_file_is_that_of_the_sources() -> None:
    """A change of the YAML files needs the compiler."""
    done = subprocess.run(
        [sys.executable, "tools/compile_wires.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_providers_have_one_name() -> None:
    """A provider at a host is called here as the rate card calls it."""
    names = data.default_names()
    for provider in WIRES.providers:
        if provider.provider and names.is_known(provider.provider):
            assert provider.provider == names.canonical(provider.provider)


@pytest.mark.parametrize(
    ("method", "host", "path", "provider", "shape"),
    [
        ("POST", "api.openai.com:443", "/v1/chat/completions", "openai", "openai_search_chat"),
        ("POST", "API.OpenAI.com", "/v1/responses", "openai", "openai_responses"),
        ("POST", "eu.api.openai.com", "/v1/embeddings", "openai", "openai_embeddings"),
        ("POST", "acme.openai.azure.com", "/anthropic/v1/messages", "azure.ai.openai", "anthropic_messages"),
        ("POST", "bedrock-mantle.us-east-1.api.aws", "/openai/v1/responses", "aws.bedrock", "openai_responses"),
        ("POST", "gateway.pydantic.dev", "/proxy/openai/responses", "openai", "openai_responses"),
        ("POST", "api.x.ai", "/v1/chat/completions", "x_ai", "xai_chat"),
        ("POST", "localhost:11434", "/v1/chat/completions", "ollama", "openai_chat"),
        ("POST", "10.0.0.7:8000", "/v1/completions", None, "openai_chat"),
        ("GET", "api.openai.com", "/v1/models", "openai", None),
    ],
)
def test_host_and_path_select_the_target(
    method: str, host: str, path: str, provider: str | None, shape: str | None
) -> None:
    """Host first, then the path; never the model."""
    target = WIRES.match(method, host, path)
    assert target is not None
    assert (provider, shape) == (target.provider, target.shape and target.shape.name)


def test_a_host_that_only_looks_like_a_provider_is_not_one() -> None:
    """A host is compared whole."""
    assert WIRES.provider("api.openai.com.example.org") is None
    assert WIRES.provider("notapi.openai.com.evil") is None


def test_other_paths_of_other_hosts_are_not_ours() -> None:
    """Nothing of an unrelated request is read."""
    assert WIRES.match("POST", "example.com", "/login") is None
    assert WIRES.match("GET", "example.com", "/v1/chat/completions") is None


def test_configuration_wins() -> None:
    """A private host can be configured as a provider's."""
    target = WIRES.match("POST", "llm.internal", "/v1/chat/completions", provider="x_ai")
    assert target is not None and target.shape is not None
    assert (target.provider, target.shape.name) == ("x_ai", "xai_chat")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/messages", "anthropic_messages"),
        ("/v1beta/models/x:generateContent", "gemini_generate"),
        ("/model/x/converse", "bedrock_converse"),
    ],
)
def test_a_host_may_serve_several_wires(path: str, shape: str) -> None:
    """A call on a wire that the named provider is not known for does not vanish."""
    target = WIRES.match("POST", "llm.internal", path, provider="openai")
    assert target is not None and target.shape is not None
    assert (target.provider, target.kind, target.shape.name) == ("openai", "call", shape)


def test_the_host_cache_is_bounded() -> None:
    """A program that talks to ever new hosts does not grow."""
    wires = Wires.from_bytes(data.read("semconv/compiled/wires.json"))
    for number in range(10_000):
        wires.provider(f"h{number}.example")
    assert len(wires._hosts) <= 4096


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", 3),
        (["z", "a"], 3),
        ({"sum": ["a", "z", "b.c"]}, 7),
        ({"sum": ["z"]}, None),
        ({"minus": ["a", "b.c", "z"]}, 0),
        ({"minus": ["z", "a"]}, None),
        ({"max": ["a", "b.c"]}, 4),
        ({"count": "rows[]"}, 3),
        ("rows[kind=x].n", 5),
        ("rows[deep.kind=y].n", 9),
        ({"times": ["a", "0.1"]}, 0.3),
        ({"positive": {"minus": ["a", "a"]}}, None),
        (1, 1),
        ({"if": {"equal": ["a", 3], "then": "b.c", "else": "a"}}, 4),
        ({"if": {"less": ["b.c", "a"], "then": "b.c"}}, None),
        ({"if": {"less": ["a", "b.c"], "present": "a", "absent": "z", "then": 7}}, 7),
        ({"if": {"matches": [["z", "w"], "^wo"], "then": 1}}, 1),
        ({"if": {"matches": ["w", "^o"], "then": 1, "else": 2}}, 2),
        ({"if": {"is_true": "t", "then": "b.c", "else": "a"}}, 4),
    ],
)
def test_expressions(expression: object, expected: float | None) -> None:
    """What each operator of the data means."""
    slots = {"a": 3, "b": {"c": 4}, "t": True, "w": "word", "rows": [{"kind": "x", "n": 2}, {"kind": "x", "n": 3},
                                                       {"deep": {"kind": "y"}, "n": 9}, None]}  # fmt: skip
    found = compile_formula(expression)(slots)
    assert expected == (found if found is None or isinstance(found, int) else float(found))


def test_presence_is_asked_for_by_name() -> None:
    """`$present` and `$absent` are no values."""
    test = compile_test({"a": "$present", "b": "$absent", "c": [1, 2]})
    assert test is not None
    assert test({"a": 0, "c": 2}) and not test({"a": 0, "b": 1, "c": 2}) and not test({"a": 0, "c": 3})
    assert compile_getter(["a", "b"])({"a": "", "b": 0}) == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kind":"card"}'])
def test_another_file_is_refused(content: bytes) -> None:
    """The message names what was expected."""
    with pytest.raises(WireDataError, match="expected"):
        Wires.from_bytes(content)


def test_a_provider_with_an_unknown_shape_is_refused() -> None:
    """A slip in the data is found when it is loaded."""
    table = json.loads(data.read("semconv/compiled/wires.json"))
    table["providers"][0]["use"] = {"openai_chat": "nowhere"}
    with pytest.raises((WireDataError, KeyError)):
        Wires(table)


def test_patterns_are_those_of_both_languages() -> None:
    """No look-around and no back-reference: RE2 has neither."""
    text = data.read("semconv/compiled/wires.json").decode()
    assert not re.findall(r"\(\?(?:[=!]|<[=!])|\\\\[1-9]|\(\?P=", text)


def test_meters_are_those_of_the_rate_card() -> None:
    """What an answer is read into is what the card can have a rate for, but for a few that nobody sells by."""
    known = set(data.default_card().units.meters) | {"predict_seconds"}
    meters = {meter for shape in WIRES.shapes.values() for meter in shape.meters}
    assert {meter for meter in meters - known if not meter.startswith("guardrail_")} == set()
