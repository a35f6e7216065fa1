# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the data that both languages read: dialects, wires and pricing.

The first line of each file names its schema, so that editors complete and check it. The compilers refuse a file that
does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import fastjsonschema

from spancost.core.dialect.program import FIELDS, TEXTS
from spancost.core.ledger.sources import LOGS, SPANS
from spancost.core.reading import CALL, CONTAINER

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
TEXT_LIST: Schema = {"type": "array", "items": TEXT}
PATHS: Schema = {"type": ["string", "array"], "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 1}
FREE: Schema = {"type": "object"}
FORMULA: Schema = {"type": ["string", "integer", "array", "object", "null"]}
"""An expression over the slots of a shape, or null, which removes an inherited one (semconv/wires/README.md)."""


def text_of(*allowed: str) -> Schema:
    return {"type": "string", "enum": list(allowed)}


def optional(schema: Schema) -> Schema:
    """Return *schema* or null: null removes what a shape inherits."""
    return {"anyOf": [schema, {"type": "null"}]}


def closed(properties: dict[str, Schema], required: Collection[str] = ()) -> Schema:
    """Return the schema of an object with these keys and no other."""
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
    }


def mapping(values: Schema, keys: Schema | None = None) -> Schema:
    """Return the schema of an object with free keys, or keys that fit *keys*, and these values."""
    return {"type": "object", "additionalProperties": values, **({"propertyNames": keys} if keys else {})}


def rows(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def dialects() -> Schema:
    """Return the schema of `semconv/dialects/*.yaml`: the dialects of a family, or one of the shared tables."""
    field: Schema = {"$ref": "#/definitions/field"}
    keys, objects = mapping(TEXT_LIST, field), mapping(closed({"at": TEXT, "shapes": TEXT_LIST}, ("at", "shapes")))
    operations = closed({kind: mapping(TEXT_LIST) for kind in (CALL, CONTAINER)})
    when = {
        **dict.fromkeys(("scope", "language", "has", "without", "provider", "name"), TEXT_LIST),
        "versions": PATHS,
        "equals": mapping({"type": "array"}),
        "missing": rows(field),
        "at_least": mapping(COUNT, field),
        **dict.fromkeys(("like", "not_like"), mapping(TEXT_LIST)),
    }
    then = {
        "rename": mapping(field, field),
        "kind": text_of(CALL, CONTAINER),
        **dict.fromkeys(("operation", "provider"), TEXT),
        "caveat": {**TEXT_LIST, "minItems": 2, "maxItems": 2},
        **dict.fromkeys(("ignore", "provider_in_model"), BOOLEAN),
        "drop": TEXT_LIST,
        "strip_suffix": mapping(TEXT, text_of(*sorted(TEXTS))),
    }
    rules = rows(closed({"when": closed(when), "then": closed(then)}, ("when", "then")))
    dialect = {
        "id": TEXT,
        "extends": PATHS,
        **dict.fromkeys(
            ("scopes", "detached", "replays", "nests", "beside", "detect_by", "detect_always", "empty_values"),
            TEXT_LIST,
        ),
        "default": {**TEXT_LIST, "minItems": 2, "maxItems": 2},
        "keys": keys,
        "operations": operations,
        "providers": mapping(TEXT),
        "rules": rules,
        **dict.fromkeys(("objects", "responses"), objects),
        "responses_alone": BOOLEAN,
        "source": closed({"prefer": text_of(SPANS, LOGS), "session": TEXT_LIST}, ("prefer", "session")),
    }
    error = closed({"billed": {"enum": [False, None]}, "words": TEXT_LIST, "types": TEXT_LIST}, ("billed",))
    response_id = {
        "prefix": TEXT,
        "alphabet": text_of("hex", "uuid", "alnum", "url"),
        "length": {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2},
        **dict.fromkeys(("mixed", "stored"), BOOLEAN),
    }
    first_token = closed({"key": TEXT, "unit_ns": COUNT}, ("key", "unit_ns"))
    whole = closed(
        {
            "dialects": rows(closed(dialect, ("id", "default"))),
            **dict.fromkeys(("two_sided", "input_without_cache", "costs_without_usage"), TEXT_LIST),
            "vocabularies": mapping(
                closed({"keys": keys, "operations": operations, "providers": mapping(TEXT), "rules": rules})
            ),
            "shapes": mapping(keys),
            "errors": closed({"keys": TEXT_LIST, "answered": TEXT_LIST, "rows": rows(error)}, ("keys", "rows")),
            "identity": closed(
                {
                    "process": rows(TEXT_LIST),
                    "distinct": COUNT,
                    "response_ids": rows(closed(response_id, ("prefix", "alphabet", "length"))),
                }
            ),
            "record": closed(
                {
                    **dict.fromkeys(("session", "prompt_name", "prompt_version"), TEXT_LIST),
                    "first_token": rows(first_token),
                }
            ),
        }
    )
    return {**whole, "definitions": {"field": text_of(*sorted(FIELDS))}}


CHARACTERS: Schema = closed({"ascii": TEXT, "other": TEXT}, ("ascii", "other"))
ENDPOINTS: Schema = rows(
    closed(
        {
            "path": TEXT,
            "method": TEXT_LIST,
            "shape": TEXT,
            "operation": TEXT,
            "kind": text_of("call", "retrieval", "batch_result", "count_only", "admin"),
        },
        ("path", "shape"),
    )
)


def wire_endpoints() -> Schema:
    """Return the schema of `semconv/wires/endpoints.yaml`: name of a set -> its endpoints."""
    return mapping(ENDPOINTS)


def wire_providers() -> Schema:
    """Return the schema of `semconv/wires/providers/*.yaml`: providers by host."""
    other = {"type": "object", "required": ["provider"]}
    return rows(
        closed(
            {
                "provider": {"type": ["string", "null"]},
                "about": TEXT,
                **dict.fromkeys(("hosts", "sets", "upstream"), TEXT_LIST),
                "endpoints": ENDPOINTS,
                **dict.fromkeys(("use", "names"), mapping(TEXT)),
                "gateway": TEXT,
                "others": rows(other),
            }
        )
    )


def wire_shapes() -> Schema:
    """Return the schema of `semconv/wires/shapes/*.yaml`: name of a shape -> how an answer is read."""
    read = {
        "slot": TEXT,
        **dict.fromkeys(("from", "each", "count", "distinct"), PATHS),
        "pick": TEXT_LIST,
        "when": FREE,
        "how": text_of("last", "first", "merge", "add", "max", "rows"),
    }
    additional = {
        **dict.fromkeys(("rows", "name", "kind", "model", "model_slot", "model_name"), FORMULA),
        **dict.fromkeys(("needs_model", "inside"), BOOLEAN),
        "when": FREE,
        "meters": mapping(FORMULA),
    }
    batch = {
        "whole": BOOLEAN,
        **dict.fromkeys(("rows", "answer", "key", "model"), FORMULA),
        "shapes": rows(FREE),
    }
    return mapping(
        closed(
            {
                **dict.fromkeys(("about", "extends", "unwrap"), TEXT),
                **dict.fromkeys(("parse_if", "parse_also_if", "complete", "done", "lists"), optional(TEXT_LIST)),
                **dict.fromkeys(("keep_latest", "usage_on_request"), BOOLEAN),
                "end": optional(rows(FREE)),
                "pending": FREE,
                "read": rows(closed(read, ("slot",))),
                **dict.fromkeys(("facts", "context", "meters", "billed"), mapping(FORMULA)),
                "tiers": mapping(FORMULA),
                "cost": FORMULA,
                "additional_usage": optional(rows(closed(additional, ("meters",)))),
                "batch": closed(batch),
                "assumed": rows(closed({"basis": TEXT, "when": FREE}, ("basis",))),
                "output_text": optional(rows(closed({"each": PATHS, "when": FREE}, ("each",)))),
                "characters_per_token": optional(CHARACTERS),
            }
        )
    )


def wire_signatures() -> Schema:
    """Return the schema of `semconv/wires/signatures.yaml`: what identifies an answer from an unknown host or path."""
    signature = dict.fromkeys(("header", "body", "gateway", "provider"), TEXT)
    return closed(
        {
            "signatures": rows(closed(signature)),
            "estimates": TEXT_LIST,
            "bodies": rows(closed({"when": FREE, "shape": TEXT}, ("when", "shape"))),
            "usage_at": FREE,
            "unknown": closed({"sets": TEXT_LIST}, ("sets",)),
        },
        ("signatures", "bodies", "usage_at", "unknown"),
    )


def wire_text() -> Schema:
    """Return the schema of `semconv/wires/text.yaml`: how text is counted for estimates."""
    text = {"characters_per_token": CHARACTERS, "input_without_size": TEXT_LIST}
    return closed({"text": closed(text, tuple(text))}, ("text",))


def units() -> Schema:
    """Return the schema of `pricing/units.yaml`."""
    meter = {
        "kind": text_of("token", "measure", "fee"),
        "per": COUNT,
        "inside": TEXT_LIST,
        "parent_rate": text_of("exact", "estimate"),
        "implied": COUNT,
        "unreported": text_of("partial"),
    }
    return closed({"meters": mapping(closed(meter, ("kind", "per")))}, ("meters",))


def names() -> Schema:
    """Return the schema of `pricing/names.yaml`."""
    rule = {"providers": TEXT_LIST, "match": TEXT, "model": TEXT, "facts": mapping(TEXT)}
    host_rule = {"match": TEXT, "facts": mapping(TEXT), "silent_on": TEXT_LIST}
    return closed(
        {
            "providers": mapping(FREE),
            "hosts": mapping(TEXT_LIST),
            "rules": rows(closed(rule, ("match", "model"))),
            "facts": mapping(mapping(TEXT)),
            **dict.fromkeys(("must_be_priced", "places"), TEXT_LIST),
            "host_rules": rows(closed(host_rule, ("match",))),
        },
        ("providers", "hosts", "rules", "facts"),
    )


def calendars() -> Schema:
    """Return the schema of `pricing/calendars.yaml`: name -> days or inclusive ranges of days."""
    day = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?$"
    return closed({"calendars": mapping(rows({"type": "string", "pattern": day}))}, ("calendars",))


def whatif() -> Schema:
    """Return the schema of `pricing/whatif.yaml`: tokenizers and rules of prompt caches."""
    factor = {"type": "array", "items": COUNT, "minItems": 3, "maxItems": 3}
    tokenizer = {"id": TEXT, "models": TEXT_LIST, "tokens": factor, "base": TEXT, "relative": mapping(factor)}
    cache = {
        **dict.fromkeys(("providers", "models"), TEXT_LIST),
        **dict.fromkeys(("minimum", "life_seconds", "step"), COUNT),
        "writes": text_of("free", "5m", "30m"),
    }
    return closed(
        {
            "tokenizers": rows(closed(tokenizer, ("id", "models", "tokens"))),
            "caches": rows(closed(cache, ("providers", "models", "minimum", "life_seconds", "writes"))),
        },
        ("tokenizers", "caches"),
    )


def limits() -> Schema:
    """Return the schema of `pricing/limits.yaml`: provider -> model -> [largest input, largest output]."""
    size = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
    return closed({"limits": mapping(mapping(size))}, ("limits",))


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "semconv/schema/dialects.json": dialects,
    "semconv/schema/wire_endpoints.json": wire_endpoints,
    "semconv/schema/wire_providers.json": wire_providers,
    "semconv/schema/wire_shapes.json": wire_shapes,
    "semconv/schema/wire_signatures.json": wire_signatures,
    "semconv/schema/wire_text.json": wire_text,
    "pricing/schema/units.json": units,
    "pricing/schema/names.json": names,
    "pricing/schema/calendars.json": calendars,
    "pricing/schema/whatif.json": whatif,
    "pricing/schema/limits.json": limits,
}
"""Path of a schema -> what makes it."""
SOURCES: dict[str, str] = {
    "semconv/dialects/*.yaml": "semconv/schema/dialects.json",
    "semconv/wires/endpoints.yaml": "semconv/schema/wire_endpoints.json",
    "semconv/wires/providers/*.yaml": "semconv/schema/wire_providers.json",
    "semconv/wires/shapes/*.yaml": "semconv/schema/wire_shapes.json",
    "semconv/wires/signatures.yaml": "semconv/schema/wire_signatures.json",
    "semconv/wires/text.yaml": "semconv/schema/wire_text.json",
    "pricing/units.yaml": "pricing/schema/units.json",
    "pricing/names.yaml": "pricing/schema/names.json",
    "pricing/calendars.yaml": "pricing/schema/calendars.json",
    "pricing/whatif.yaml": "pricing/schema/whatif.json",
    "pricing/limits.yaml": "pricing/schema/limits.json",
}
"""Pattern of source files -> the schema that their first line names."""


class DataError(ValueError):
    """A data file does not fit its schema: where, what was found, what was expected."""


def check(where: str, value: Any, schema: Callable[[], Schema]) -> None:
    """Raise DataError, naming file and key, when *value* does not fit."""
    try:
        fastjsonschema.compile(schema())(value)
    except fastjsonschema.JsonSchemaValueException as error:
        raise DataError(f"{where}: {error.message.removeprefix('data')}, found {str(error.value)[:120]}") from None
