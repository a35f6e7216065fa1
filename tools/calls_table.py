# SPDX-License-Identifier: Apache-2.0
"""Generate what repeats semconv/calls.yaml: the Python columns of the stored tables and docs/calls.md.

`tools/generate_docs.py` writes the files. Parquet schema and ClickHouse DDL are made from the Python columns.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from tools.generated import ROOT, Targets

SOURCE = ROOT / "semconv" / "calls.yaml"
TYPES = {"string", "int64", "timestamp", "usd", "boolean", "map", "numbers"}
KEYS = {"name", "type", "optional", "group", "tag", "meter", "brief"}
SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "timestamp": "TIMESTAMP_NS",
    "usd": "DECIMAL(38,15)",
    "boolean": "BOOLEAN",
    "map": "MAP(VARCHAR,VARCHAR)",
    "numbers": "MAP(VARCHAR,DOUBLE)",
}


class TableError(ValueError):
    """semconv/calls.yaml breaks one of its own rules."""


def load() -> dict[str, dict[str, Any]]:
    """Return the tables by name; TableError when a rule is broken."""
    tables: dict[str, dict[str, Any]] = YAML(typ="safe").load(SOURCE)["tables"]
    for name, table in tables.items():
        names = [column["name"] for column in table["columns"]]
        if len(set(names)) != len(names) or not set(table["key"]) <= set(names):
            raise TableError(f"semconv/calls.yaml: {name}: expected distinct columns and a key of them")
        for column in table["columns"]:
            where = f"semconv/calls.yaml: {name}.{column.get('name')}"
            if set(column) - KEYS or column["type"] not in TYPES or not column["brief"].endswith("."):
                raise TableError(f"{where}: found {dict(column)}; expected a type of {sorted(TYPES)} and a sentence")
    return tables


def python_columns() -> str:
    """Return the source of `spancost.store.columns`."""
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Generated from semconv/calls.yaml by tools/generate_docs.py; edit that file.",
        '"""Columns of the stored tables: calls, traces, and the spans above calls."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final, NamedTuple",
        "",
        "",
        "class Column(NamedTuple):",
        '    """A column: `type` as in semconv/calls.yaml; tag, meter: the attribute or meter that it holds."""',
        "",
        "    name: str",
        "    type: str",
        "    is_null: bool = False",
        "    is_group: bool = False",
        "    tag: str | None = None",
        "    meter: str | None = None",
        "",
    ]
    for name, table in load().items():
        lines += ["", f"{name.upper()}: Final = ("]
        lines += [f"    {_column(column)}," for column in table["columns"]]
        lines += [")", f"{name.upper()}_KEY: Final = {_strings(table['key'])}"]
    return "\n".join(lines) + "\n"


def _column(column: dict[str, Any]) -> str:
    parts = [_quoted(column["name"]), _quoted(column["type"])]
    flags = (("is_null", column.get("optional")), ("is_group", column.get("group")))
    parts += [f"{name}=True" for name, value in flags if value]
    parts += [f"{key}={_quoted(column[key])}" for key in ("tag", "meter") if key in column]
    return f"Column({', '.join(parts)})"


def _strings(names: list[str]) -> str:
    return "(" + ", ".join(map(_quoted, names)) + (",)" if len(names) == 1 else ")")


def _quoted(text: str) -> str:
    return f'"{text}"'


def page() -> str:
    """Return docs/calls.md."""
    lines = [
        "<!-- Generated from semconv/calls.yaml by tools/generate_docs.py. -->",
        "# The stored tables",
        "",
        "`spancost load` writes these tables as Parquet files. `spancost report` and the other commands that answer",
        "questions read them, or make them from spans ([reports](reports.md)). `groups` marks the columns that `--by`",
        "and `--where` take; they also take every `app.*` attribute. Instants are UTC. Money is exact:",
        "`DECIMAL(38,15)` holds femto-dollars.",
    ]
    for name, table in load().items():
        lines += [
            "",
            f"## `{name}`",
            "",
            f"{table['brief']} The key is {' and '.join(f'`{k}`' for k in table['key'])}.",
            "",
        ]
        lines += ["| column | type | may be missing | groups | meaning |", "|---|---|---|---|---|"]
        for column in table["columns"]:
            marks = " | ".join("yes" if column.get(key) else "" for key in ("optional", "group"))
            lines.append(f"| `{column['name']}` | {SQL_TYPES[column['type']]} | {marks} | {column['brief']} |")
    return "\n".join(lines) + "\n"


def questions() -> str:
    """Return the SQL of every report, compiled by ibis."""
    from spancost.reports.expressions import all_compiled

    return all_compiled()


TARGETS: Targets = {
    ROOT / "semconv" / "compiled" / "questions.json": questions,
    ROOT / "src" / "spancost" / "store" / "columns.py": python_columns,
    ROOT / "docs" / "calls.md": page,
}
