# SPDX-License-Identifier: Apache-2.0
"""Every provider file and contract fits its schema, and the schemas are those of the forms."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml

from tests.repository import ROOT
from tools import data_schemas, schemas

PROVIDERS = sorted((ROOT / "pricing/providers").glob("*.yaml"))
CONTRACTS = sorted((ROOT / "tests/config/contracts/agreements").glob("*.yaml"))


@cache
def check(name: str) -> Any:
    return fastjsonschema.compile(json.loads((schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def content(path: Path) -> Any:
    """The content as an editor sees it: numbers, booleans and, as YAML 1.2 has it, days as text."""
    loaded = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return json.loads(json.dumps(loaded, default=str))


@pytest.mark.parametrize("path", [*PROVIDERS, *CONTRACTS], ids=lambda path: path.stem)
def test_a_file_fits_the_schema_that_it_names(path: Path) -> None:
    """The schema is named in the first line, where editors look, by a path that leads to it."""
    name = "provider" if path in PROVIDERS else "contract"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    if name == "provider":
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / schema).resolve() == schemas.FOLDER / "provider.json"
    check(name)(content(path))


@pytest.mark.parametrize("name", schemas.FORMS)
def test_a_schema_is_what_its_form_makes(name: str) -> None:
    assert (schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8") == schemas.text_of(schemas.FORMS[name])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("provider", {"provider": "x", "sources": {}, "models": {}, "modls": {}}),
        ("provider", {"provider": "x", "models": {}}),
        ("provider", {"provider": "x", "sources": {}, "models": {"m": {"prices": []}}}),
        ("contract", {"contract": 1, "name": "x", "term": []}),
        ("contract", {"contract": 1, "name": "x", "terms": [{"match": {}}]}),
    ],
)
def test_a_wrong_file_does_not_fit(name: str, wrong: Any) -> None:
    """An unknown key, a key that is missing, an empty list of prices."""
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        check(name)(wrong)


SOURCES = {**data_schemas.SOURCES, "billing/sources/*.yaml": "billing/schema/source.json"}
SOURCES["billing/focus.yaml"] = "billing/schema/focus.json"


@pytest.mark.parametrize("pattern", SOURCES)
def test_data_files_name_their_schema_and_fit_it(pattern: str) -> None:
    """Each file of dialects, wires, units, names and calendars names in its first line a schema that it fits."""
    named = ROOT / SOURCES[pattern]
    schema = fastjsonschema.compile(json.loads(named.read_text(encoding="utf-8")))
    paths = sorted(ROOT.glob(pattern))
    assert paths
    for path in paths:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == named
        schema(content(path))


def test_every_schema_of_data_is_named_by_a_file() -> None:
    assert {*data_schemas.SCHEMAS, *schemas.BILLS} == set(SOURCES.values())


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("semconv/schema/dialects.json", {"dialects": [{"id": "x", "default": ["call", "chat"], "scope": ["x"]}]}),
        (
            "semconv/schema/dialects.json",
            {"vocabularies": {"x": {"keys": {"no": ["x"]}}}},
        ),
        ("semconv/schema/wire_endpoints.json", {"openai": [{"path": "/x"}]}),
        ("semconv/schema/wire_providers.json", [{"provider": "x", "host": ["x"]}]),
        ("semconv/schema/wire_shapes.json", {"x": {"read": [{"slot": "usage", "form": "usage"}]}}),
        ("pricing/schema/units.json", {"meters": {"pages": {"kind": "token", "per": 0}}}),
        ("pricing/schema/names.json", {"providers": {}, "hosts": {}, "rules": [{"match": "x"}], "facts": {}}),
        ("pricing/schema/calendars.json", {"calendars": {"cn": ["2026-9-1"]}}),
    ],
)
def test_wrong_data_does_not_fit(path: str, wrong: Any) -> None:
    """A misspelled key, an unknown field, a key that is missing, a day that is not ISO."""
    with pytest.raises(data_schemas.DataError, match=r"x\.yaml"):
        data_schemas.check("x.yaml", wrong, data_schemas.SCHEMAS[path])
