# SPDX-License-Identifier: Apache-2.0
"""Members of OTLP's JSON objects, each of its kind, or an error that says where, what was found, what was expected."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class RequestError(ValueError):
    """The input is no `ExportTraceServiceRequest`: where, what was found, what was expected."""


def as_object(value: object, where: str) -> Json:
    """Return *value* when it is an object, else raise RequestError."""
    if not isinstance(value, dict):
        raise RequestError(f"{where}: found {kind_of(value)}, expected an object")
    return value


def as_list(holder: Json, key: str, where: str) -> list[Any]:
    """Return the list under *key*, [] when there is none; RequestError for anything else."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RequestError(f"{where}.{key}: found {kind_of(value)}, expected a list")
    return value


def id_of(raw: Json, key: str, where: str) -> int:
    """Return a hexadecimal id as a number, else raise RequestError."""
    value = raw.get(key)
    try:
        return int(value, 16) if isinstance(value, str) else _refuse(value)
    except ValueError:
        raise RequestError(f"{where}.{key}: found {value!r}, expected hexadecimal digits") from None


def _refuse(value: object) -> int:
    raise ValueError(value)


def whole(raw: Json, key: str, where: str) -> int:
    """Return nanoseconds, 0 when the key is not there; RequestError for anything else."""
    value = raw.get(key, 0)
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise RequestError(f"{where}.{key}: found {value!r}, expected nanoseconds as a whole number") from None


def kind_of(value: object) -> str:
    """Return what *value* is, in words."""
    kinds = {type(None): "nothing", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
