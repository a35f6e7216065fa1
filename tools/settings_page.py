# SPDX-License-Identifier: Apache-2.0
"""docs/settings.md, made from the settings model: every setting with its variable, type, default and description."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from spancost.config.settings import BOUNDS, FILE_VARIABLE, PAIRS, PREFIX, Settings

HEAD = f"""\
<!-- Generated from src/spancost/config/settings.py by tools/generate_docs.py. -->
# Settings

A setting is a keyword argument of `LLMCostProcessor(...)`, an environment variable, or a key of the file that
`{FILE_VARIABLE}` names. The file is JSON, TOML (`.toml`, from Python 3.11) or YAML (`.yaml`, `.yml`, with the extra
`contracts`). Arguments win over the environment, which wins over the file. In a variable, commas separate the parts of
a list.

`LLMCostProcessor(Settings(...), **arguments)` takes the object in place of the environment and the file; arguments win
over it. Both instrumentors take it as `settings=`.

An invalid argument, or an invalid value in `Settings(...)`, raises `SettingsError`: it is an error in the program. An
invalid variable, key or file is logged by name, with what was found and what was expected, and the default is used: an
error in a deployment does not stop the host. Under `opentelemetry-instrument` nothing raises.

An invalid rate card is logged, and calls are then `unpriced` with the reason `rate_card_unusable`; no other card
replaces it. An invalid [contract](contracts.md) has the reason `contract_unusable`, as a list price would be wrong.

| setting | variable | values | default | meaning |
|---|---|---|---|---|
"""


def settings_page() -> str:
    """Return docs/settings.md."""
    schema = TypeAdapter(Settings).json_schema()["properties"]
    rows = [
        f"| `{field.name}` | `{PREFIX}{field.name.upper()}` | {values(field.name, schema[field.name])} "
        f"| {default(field.default)} | {field.metadata['description']} |\n"
        for field in fields(Settings)
    ]
    return HEAD + "".join(rows)


def values(name: str, schema: dict[str, Any]) -> str:
    """Return the values a setting takes, in words."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(values(name, each) for each in schema["anyOf"] if each.get("type") != "null")
    if name in PAIRS:
        return "list of `name=value`"
    if schema["type"] == "array":
        return f"any of {values(name, schema['items'])}" if "enum" in schema["items"] else "list of strings"
    if name in BOUNDS:
        return "{} to {}".format(*BOUNDS[name])
    return {"boolean": "`true`, `false`", "string": "string"}[schema["type"]]


def default(value: object) -> str:
    """Return a default as the page shows it."""
    if value in (None, ()):
        return "unset"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower()}`"
