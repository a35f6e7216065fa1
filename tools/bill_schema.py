# SPDX-License-Identifier: Apache-2.0
"""JSON Schema of `billing/sources/*.yaml`: forms of bills, patterns of their texts, names of models."""

from __future__ import annotations

from tools.data_schemas import COUNT, TEXT, TEXT_LIST, Schema, closed, mapping, rows, text_of

SCALAR: Schema = {"type": ["string", "integer"]}


def bill_source() -> Schema:
    """Return the schema."""
    values = mapping(SCALAR)
    cell: Schema = {"anyOf": [TEXT_LIST, closed({"columns": TEXT_LIST, "values": values, "default": TEXT})]}
    amount = closed({"columns": TEXT_LIST, "unit": text_of("usd", "cents", "micro_cents")}, ("columns",))
    quantity = closed({"columns": TEXT_LIST, "unit": closed({"columns": TEXT_LIST, "values": values})}, ("columns",))
    wide = closed({"meter": TEXT, "column": TEXT, "less": TEXT_LIST, "constant": TEXT}, ("meter",))
    pattern = closed(
        {
            **dict.fromkeys(("match", "meter", "tier", "endpoint", "context"), TEXT),
            "category": text_of("usage", "fee", "credit", "tax", "adjustment"),
            "unit": COUNT,
        },
        ("match",),
    )
    form = {
        **dict.fromkeys(("id", "about", "rounded", "same_as"), TEXT),
        "lag_hours": COUNT,
        "file": text_of("csv", "json", "any"),
        "provider": {"anyOf": [TEXT, closed({"columns": TEXT_LIST, "values": values})]},
        "provider_of": closed({"columns": TEXT_LIST, "values": values}),
        **dict.fromkeys(("needs", "without", "rows"), TEXT_LIST),
        "needs_one": rows(TEXT_LIST),
        "equals": mapping(TEXT),
        "keep": closed({"columns": TEXT_LIST, "match": TEXT}, ("columns", "match")),
        "time": closed({"start": TEXT_LIST, "end": TEXT_LIST, "length": text_of("second", "hour", "day")}, ("start",)),
        **dict.fromkeys(("account", "project", "model", "tier", "endpoint", "context", "currency", "category"), cell),
        **dict.fromkeys(("amount", "list_amount", "unit_price"), amount),
        "quantity": quantity,
        "quantities": rows(wide),
        "text": closed({"columns": TEXT_LIST, "constant": TEXT, "patterns": TEXT}, ("patterns",)),
    }
    return closed(
        {
            "forms": rows(closed(form, ("id", "lag_hours", "file", "time"))),
            "patterns": mapping(rows(pattern)),
            "rewrites": rows(closed({"match": TEXT, "to": TEXT}, ("match", "to"))),
        },
        ("forms",),
    )


def focus() -> Schema:
    """Return the schema of `billing/focus.yaml`: the columns of the FOCUS dataset."""
    names = mapping(TEXT_LIST)
    return closed(
        {
            **dict.fromkeys(("versions", "columns"), TEXT_LIST),
            **dict.fromkeys(("types", "since", "until"), names),
            "constants": mapping({"type": ["string", "null"]}),
            **dict.fromkeys(("providers", "services", "units"), mapping(TEXT)),
        },
        ("versions", "columns", "types"),
    )
