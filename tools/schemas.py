# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of what people write, made from the forms that check it: editors complete and check by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from spancost.config.budgets.form import BudgetsForm
from spancost.config.contracts.form import ContractForm
from tools.bill_schema import bill_source, focus
from tools.data_schemas import SCHEMAS
from tools.generated import ROOT
from tools.pricing.form import Provider

BILLS = {"billing/schema/source.json": bill_source, "billing/schema/focus.json": focus}
FOLDER = ROOT / "pricing" / "schema"
FORMS: dict[str, type[BaseModel]] = {"provider": Provider, "contract": ContractForm, "budgets": BudgetsForm}
_SCALAR = ["string", "number", "boolean"]
"""What a scalar without quotes may be to an editor; the forms read every scalar as it is written."""


def targets() -> dict[Path, Callable[[], str]]:
    """Return each schema's path with what makes its text."""
    forms = {FOLDER / f"{name}.json": lambda form=form: text_of(form) for name, form in FORMS.items()}  # type: ignore[misc]
    data = {ROOT / path: lambda made=made: written(made()) for path, made in {**SCHEMAS, **BILLS}.items()}  # type: ignore[misc]
    return {**forms, **data}


def text_of(form: type[BaseModel]) -> str:
    """Return the schema of *form* as text."""
    return written(relaxed(form.model_json_schema(by_alias=True)))


def written(schema: dict[str, Any]) -> str:
    """Return *schema* as the text of its file."""
    named = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    return json.dumps(named, indent=1, ensure_ascii=False) + "\n"


def relaxed(schema: Any) -> Any:
    """Return *schema* with scalars of any type where it has text, and closed where it names its keys."""
    if isinstance(schema, list):
        return [relaxed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: relaxed(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    if "$defs" in made:
        made["definitions"] = made.pop("$defs")
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/$defs/", "#/definitions/")
    if made.get("type") == "string" and "enum" not in made:
        made["type"] = _SCALAR
    if set(made.get("enum", ())) == {"true", "false"}:
        made = {**made, "enum": ["true", "false", True, False], "type": _SCALAR}
    if made.get("type") == "object" and "properties" in made:
        made["additionalProperties"] = False
    return made
