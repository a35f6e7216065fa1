# SPDX-License-Identifier: Apache-2.0
"""Generate the attribute constants and their documentation from the registry in `semconv/registry`.

Run as `python -m tools.generate_semconv [--check]`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools import compile_detectors
from tools.generated import ROOT, Targets, main

REGISTRY = ROOT / "semconv" / "registry"
PREFIXES = ("llm.", "app.")
GO_GROUPS = ("llm.call", "llm.subtree", "llm.trace", "llm.trace_sampling", "llm.trace_anomalies")
"""Groups whose attributes package cost writes."""
GO_INITIALISMS: Mapping[str, str] = {"usd": "USD", "nanousd": "NanoUSD", "id": "ID"}
CONDITIONAL = ("stated_by", "implied")
"""Annotations of a group that say when the set `standard` leaves an attribute out."""
EXAMPLE_TYPES: Mapping[str, type] = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": list}


class RegistryError(ValueError):
    """The registry breaks one of its own rules: where, what was found, what is expected."""


@dataclass(frozen=True)
class Attribute:
    """One attribute: its key, wire type (string, int, double, boolean, string[]), sentence, note, and enum members."""

    key: str
    type: str
    brief: str
    note: str
    members: tuple[tuple[str, str], ...]

    @property
    def constant(self) -> str:
        return self.key.upper().replace(".", "_")

    @property
    def go_constant(self) -> str:
        words = self.key.removeprefix("llm.").replace(".", "_").split("_")
        return "Attr" + "".join(GO_INITIALISMS.get(word, word.capitalize()) for word in words)


@dataclass(frozen=True)
class Group:
    """Attributes of the same spans, which *brief* names; sets: named selections of their keys.

    stated_by and implied: what the set `standard` leaves out where another key has the same value, and where the value
    is this one.
    """

    id: str
    brief: str
    attributes: tuple[Attribute, ...]
    sets: Mapping[str, tuple[str, ...]]
    stated_by: Mapping[str, str]
    implied: Mapping[str, str]


def load(folder: Path = REGISTRY) -> tuple[Group, ...]:
    """Return the groups of the registry in file and reading order; RegistryError when a rule is broken."""
    yaml = YAML(typ="safe")
    attributes: dict[str, Attribute] = {}
    raw_groups: list[tuple[str, dict[str, Any]]] = []
    for path in sorted(folder.glob("*.yaml"), key=_reading_order):
        document = yaml.load(path)
        expect(document.get("file_format") == "definition/2", path.name, "file_format definition/2")
        for raw in document.get("attributes", ()):
            attribute = _attribute(path.name, raw)
            expect(attribute.key not in attributes, f"{path.name}: {attribute.key}", "a key defined once")
            attributes[attribute.key] = attribute
        raw_groups += [(path.name, raw) for raw in document.get("attribute_groups", ())]
    groups = tuple(_group(name, raw, attributes) for name, raw in raw_groups)
    grouped = [attribute.key for group in groups for attribute in group.attributes]
    for key in attributes:
        expect(grouped.count(key) == 1, key, f"membership of exactly one group, found {grouped.count(key)}")
    return groups


def expect(holds: bool, where: str, expected: str) -> None:
    if not holds:
        raise RegistryError(f"semconv/registry/{where}: expected {expected}")


def _reading_order(path: Path) -> tuple[int, str]:
    order = ("call", "totals", "attribution")
    return (order.index(path.stem) if path.stem in order else len(order), path.stem)


def _attribute(file: str, raw: Mapping[str, Any]) -> Attribute:
    key = raw["key"]
    where = f"{file}: {key}"
    unknown = set(raw) - {"key", "type", "brief", "note", "stability", "examples", "annotations", "deprecated"}
    expect(not unknown, where, f"no key {sorted(unknown)}")
    expect(key.startswith(PREFIXES) and key == key.lower(), where, f"a lower-case key under {' or '.join(PREFIXES)}")
    expect(raw["brief"].endswith("."), where, "a brief that is a sentence")
    expect(not key.endswith("_usd") or raw["type"] == "double", where, "type double for USD")
    kind = raw["type"]
    if isinstance(kind, Mapping):
        members = tuple((member["value"], member["brief"]) for member in kind["members"])
        return Attribute(key, "string", raw["brief"], raw.get("note", ""), members)
    expect(kind in EXAMPLE_TYPES, where, f"a type of {sorted(EXAMPLE_TYPES)}")
    for example in raw["examples"]:
        expect(type(example) is EXAMPLE_TYPES[kind], where, f"examples of type {kind}, found {example!r}")
    return Attribute(key, kind, raw["brief"], raw.get("note", ""), ())


def _group(file: str, raw: Mapping[str, Any], attributes: Mapping[str, Attribute]) -> Group:
    refs = [entry["ref"] for entry in raw["attributes"]]
    for ref in refs:
        expect(ref in attributes, f"{file}: {raw['id']}", f"a defined attribute, found {ref}")
    named = raw.get("annotations", {})
    for name, keys in named.items():
        expect(all(key in refs for key in keys), f"{file}: {raw['id']}: {name}", "attributes of the group")
    sets = {name: tuple(key for key in refs if key in keys) for name, keys in named.items() if name not in CONDITIONAL}
    stated_by, implied = (dict(named.get(name, {})) for name in CONDITIONAL)
    return Group(raw["id"], raw["brief"], tuple(attributes[ref] for ref in refs), sets, stated_by, implied)


def python_constants(groups: tuple[Group, ...]) -> str:
    """Return the source of `spancost.core.semconv`."""
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Generated from semconv/registry by tools/generate_semconv.py; edit the registry.",
        '"""Names of every attribute spancost writes."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
    ]
    for group in groups:
        lines += ["", f"# {group.brief}"]
        lines += [f'{attribute.constant}: Final = "{attribute.key}"' for attribute in group.attributes]
    for group in (group for group in groups if group.sets):
        lines += _python_sets(group)
    return "\n".join(lines) + "\n"


def _python_sets(group: Group) -> list[str]:
    lines: list[str] = []
    for name, members in {**group.sets, "full": tuple(each.key for each in group.attributes)}.items():
        constants = [each.constant for each in group.attributes if each.key in members]
        lines += ["", f"{name.upper()}_ATTRIBUTES: Final = (", *(f"    {constant}," for constant in constants), ")"]
    for name, pairs in (("STATED_BY", group.stated_by), ("IMPLIED", group.implied)):
        rows = [f'    {each.constant}: "{pairs[each.key]}",' for each in group.attributes if each.key in pairs]
        lines += ["", f"{name}: Final = {{", *rows, "}"]
    return lines


def go_constants(groups: tuple[Group, ...]) -> str:
    """Return the source of `collector/cost/semconv.go`."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "",
        "// Code generated from semconv/registry by tools/generate_semconv.py; DO NOT EDIT.",
        "",
        "package cost",
    ]
    for group in (group for group in groups if group.id in GO_GROUPS):
        width = max(len(attribute.go_constant) for attribute in group.attributes)
        lines += ["", f"// {group.brief}.", "const ("]
        lines += [f'\t{attribute.go_constant:{width}} = "{attribute.key}"' for attribute in group.attributes]
        lines.append(")")
    calls = next(group for group in groups if group.id == "llm.call")
    lines += ["", "// CallAttributes are the names of the attributes that the span of a call may carry."]
    lines.append("var CallAttributes = []string{")
    lines += [*(f"\t{attribute.go_constant}," for attribute in calls.attributes), "}"]
    for name, members in calls.sets.items():
        lines += [
            "",
            f"// {name.title()}Attributes are those of the set {name}.",
            f"var {name.title()}Attributes = []string{{",
        ]
        lines += [*(f"\t{each.go_constant}," for each in calls.attributes if each.key in members), "}"]
    for name, about, pairs in (
        ("StatedBy", "the keys under which a span may have the same value", calls.stated_by),
        ("Implied", "the values that are meant where none is written", calls.implied),
    ):
        rows = {each.go_constant: pairs[each.key] for each in calls.attributes if each.key in pairs}
        width = max(map(len, rows)) + 1
        lines += ["", f"// {name} are {about}, of attributes that the set standard leaves out then."]
        lines += [f"var {name} = map[string]string{{"]
        lines += [*(f'\t{f"{key}:":{width}} "{value}",' for key, value in rows.items()), "}"]
    return "\n".join(lines) + "\n"


def table(groups: tuple[Group, ...]) -> str:
    """Return one Markdown table for each group."""
    lines: list[str] = []
    for group in groups:
        lines += ["", f"## {group.brief}", "", "| attribute | type | meaning |", "|---|---|---|"]
        for attribute in group.attributes:
            lines.append(f"| `{attribute.key}` | {attribute.type} | {attribute.brief} {attribute.note}".rstrip() + " |")
    return "\n".join(lines).lstrip("\n") + "\n"


def values(groups: tuple[Group, ...]) -> str:
    """Return one Markdown table for each attribute whose values are a closed list."""
    lines: list[str] = []
    for attribute in (attribute for group in groups for attribute in group.attributes if attribute.members):
        lines += ["", f"### `{attribute.key}`", "", "| value | meaning |", "|---|---|"]
        lines += [f"| `{value}` | {brief} |" for value, brief in attribute.members]
    return "\n".join(lines) + "\n"


def attributes_page(groups: tuple[Group, ...]) -> str:
    """Return docs/attributes.md."""
    return (
        "<!-- Generated from semconv/registry by tools/generate_semconv.py; edit the registry. -->\n"
        "# Attributes\n\n"
        "USD is always a double and a count always an int, whatever the value, because backends fix a column's type\n"
        "at first sight. An attribute that has nothing to say is absent.\n\n"
        f"{table(groups)}\n## Closed lists of values\n{values(groups)}"
    )


TARGETS: Targets = {
    ROOT / "src" / "spancost" / "core" / "semconv.py": lambda: python_constants(load()),
    ROOT / "collector" / "cost" / "semconv.go": lambda: go_constants(load()),
    ROOT / "docs" / "attributes.md": lambda: attributes_page(load()),
    compile_detectors.TARGET: compile_detectors.render,
}

if __name__ == "__main__":
    sys.exit(main(__doc__ or "", TARGETS, sys.argv[1:]))
