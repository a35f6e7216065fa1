# SPDX-License-Identifier: Apache-2.0
"""YAML (and JSON, which is a part of it) as plain values, with the line of every key, for error positions."""

from __future__ import annotations

from typing import Any, TypeAlias

from spancost.core.contract.terms import ContractError

Place: TypeAlias = "tuple[str | int, ...]"
"""The keys and numbers that lead to a value."""

_KINDS = {
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list",
}
_MOST_CHARACTERS = 1_000_000
_MOST_VALUES = 100_000
_MOST_LEVELS = 100
_MOST_DIGITS = 18


class Lines:
    """The positions of the values in a file; what: it is expected to hold. error: what is raised about it."""

    def __init__(self, where: str, what: str = "a contract", error: type[ValueError] = ContractError) -> None:
        self.where = where
        self.what = what
        self.raised = error
        self._lines: dict[Place, int] = {}

    def error(self, place: Place, found: str, expected: str) -> ValueError:
        """Return an error with the position, what was found and what was expected."""
        known = next(place[:end] for end in range(len(place), -1, -1) if place[:end] in self._lines)
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
        return self.raised(
            f"{self.where}, line {self._lines[known]}{', ' if key else ''}{key}: found {found}; expected {expected}"
        )

    def put(self, place: Place, node: Any) -> None:
        """Remember the line of a value (from 1)."""
        if len(self._lines) >= _MOST_VALUES:
            raise self.raised(f"{self.where}: found more than {_MOST_VALUES} values; expected {self.what}")
        self._lines[place] = node.start_mark.line + 1


def read(where: str, text: str, what: str = "a contract", error: type[ValueError] = ContractError) -> tuple[Any, Lines]:
    """Return the value that *text* holds and the positions of its parts; *error* when it is not YAML.

    Numbers that are not whole, and dates, come as the text that was written, so that nothing is rounded.
    """
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
    except ImportError:
        compiled = ", or what `spancost contract` compiles" if error is ContractError else ""
        raise error(
            f"{where}: found {what} that is not compiled; expected the package ruamel.yaml to read it "
            f"(pip install 'spancost[contracts]'){compiled}"
        ) from None
    if len(text) > _MOST_CHARACTERS:
        raise error(f"{where}: found {len(text)} characters; expected at most {_MOST_CHARACTERS}")
    lines = Lines(where, what, error)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise error(f"{where}, line {line}: found {fault.problem}; expected valid YAML") from None
    except (YAMLError, ValueError, RecursionError) as fault:
        raise error(f"{where}: found no valid YAML ({fault})") from None
    if node is None:
        raise error(f"{where}: found nothing; expected {what}")
    lines.put((), node)
    return _plain(node, (), lines), lines


def _plain(node: Any, place: Place, lines: Lines) -> Any:
    if len(place) > _MOST_LEVELS:
        raise lines.raised(f"{lines.where}: found values more than {_MOST_LEVELS} levels deep; expected {lines.what}")
    if node.id == "mapping":
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if key_node.id == "scalar" else "?"
            lines.put((*place, key), key_node)
            if key_node.id != "scalar":
                raise lines.error((*place, key), "a key that is no text", "a name")
            if key in values:
                raise lines.error((*place, key), "a key for the second time", "each key once")
            values[key] = _plain(value_node, (*place, key), lines)
        return values
    if node.id == "sequence":
        for number, item in enumerate(node.value):
            lines.put((*place, number), item)
        return [_plain(item, (*place, number), lines) for number, item in enumerate(node.value)]
    text = str(node.value)
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    # A name such as 007 stays as it is written.
    is_whole = kind == "int" and len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal()
    return int(text) if is_whole and str(int(text)) == text else text


def fault_of(error: Any, lines: Lines) -> ValueError:
    """Return the first error of pydantic's *error*; an unknown key is reported at its own line."""
    first = error.errors(include_url=False)[0]
    place: Place = tuple(step for step in first["loc"] if step != "[key]")
    if first["type"] == "unknown_key":
        context = first.get("ctx", {})
        return lines.error((*place, str(context["key"])), "an unknown key", f"one of {context['known']}")
    if first["type"] == "missing":
        return lines.error(place, "nothing", "a value, which cannot be left out")
    wanted = _KINDS.get(first["type"]) or first["msg"].removeprefix("Input should be ")
    return lines.error(place, short(first["input"]), wanted)


def short(value: object) -> str:
    """Return a value as an error shows it."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
