# SPDX-License-Identifier: Apache-2.0
"""Decides whether a failed call without usage may have been billed, by `semconv/dialects/errors.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spancost.core.span import Attributes


class Failures:
    """Maps error types to whether the call may be billed."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """Read the `errors` table of the compiled dialects."""
        self._keys: list[str] = table["keys"]
        self._answered: list[str] = table["answered"]
        self._rows: list[tuple[bool, tuple[str, ...], frozenset[str]]] = [
            (row["billed"] is None, tuple(row["words"]), frozenset(row["types"])) for row in table["rows"]
        ]

    def may_be_billed(self, attributes: Attributes, raised: str, response_id: str | None) -> bool:
        """Return whether a call whose span has the status ERROR and no usage may have been billed.

        It may where the provider had begun to answer, or where nobody heard how the request ended. A refusal is not
        billed. raised: type of the exception recorded on the span, for spans without an error attribute.
        """
        if any(key in attributes for key in self._answered):
            return True
        found = (value for key in self._keys if isinstance(value := attributes.get(key), str) and value)
        error = next(found, raised).lower()
        for may_be, words, types in self._rows:
            if error in types or any(word in error for word in words):
                return may_be
        return response_id is not None
