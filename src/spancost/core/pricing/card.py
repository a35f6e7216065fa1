# SPDX-License-Identifier: Apache-2.0
"""A rate card: immutable, read from its canonical bytes, verified by the hash in its version.

Format (pricing/SPEC.md): lines of JSON. Line 1 has format and version, line 2 the data shared by all providers. Then
follows one line per provider, in the order of `providers` in line 2. A line is parsed on first use.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from spancost.core.pricing.facts import FactWords
from spancost.core.pricing.names import ModelNames, ProviderNames
from spancost.core.pricing.units import Units

FORMAT = 1
_VERSION = re.compile(r"^[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}$")


class CardError(ValueError):
    """A rate card is invalid; the message says where, what was found and what was expected."""


class RateCard:
    """An immutable card: `version`, `units`, `providers`, `model_names`, `fact_words` and the providers' entries."""

    def __init__(self, version: str, shared: Mapping[str, Any], provider_lines: list[bytes]) -> None:
        """Use `from_bytes`."""
        self.version = version
        self.units = Units(shared["units"])
        self.provider_names = ProviderNames(shared["names"])
        self.model_names = ModelNames(shared["names"], self.provider_names)
        self.fact_words = FactWords(shared["names"])
        self.calendars: Mapping[str, frozenset[int]] = {
            name: frozenset(days) for name, days in shared["calendars"].items()
        }
        self._lines: dict[str, bytes] = dict(zip(shared["providers"], provider_lines, strict=True))
        self._providers: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def from_bytes(cls, canonical: bytes, where: str = "rate card") -> RateCard:
        """Return the card of *canonical*; raise CardError with *where*, what was found and what was expected."""
        head, _, body = canonical.partition(b"\n")
        first = _parsed(head, f"{where}, line 1")
        if first.get("format") != FORMAT:
            raise CardError(f"{where}, line 1, format: found {first.get('format')!r}; expected {FORMAT}")
        version = first.get("version")
        if not isinstance(version, str) or not _VERSION.match(version):
            raise CardError(f"{where}, line 1, version: found {version!r}; expected YYYY.MM.DD-<12 hex digits>")
        found = hashlib.sha256(body).hexdigest()[:12]
        if not version.endswith(found):
            raise CardError(f"{where}: found content with hash {found}; expected that of version {version}")
        lines = body.split(b"\n")
        shared = _with_current_keys(_parsed(lines[0], f"{where}, line 2"))
        for key in ("calendars", "date", "names", "providers", "units"):
            if key not in shared:
                raise CardError(f"{where}, line 2: found no key {key!r}; expected it")
        if lines[-1] != b"" or len(lines) - 2 != len(shared["providers"]):
            found_lines = len(lines) - 2
            raise CardError(f"{where}: found {found_lines} lines of providers; expected {len(shared['providers'])}")
        if shared["date"] != version[:10]:
            raise CardError(f"{where}, line 2, date: found {shared['date']!r}; expected that of version {version}")
        return cls(version, shared, lines[1:-1])

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers that have entries, in order."""
        return tuple(self._lines)

    def provider(self, name: str) -> Mapping[str, Any] | None:
        """Return a provider's line of the card (`models`, `modifiers`, `names`, …), None when there is none."""
        found = self._providers.get(name)
        if found is None:
            line = self._lines.get(name)
            if line is None:
                return None
            found = self._providers[name] = _parsed(line, f"rate card {self.version}, provider {name}")
        return found


def _with_current_keys(shared: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return line 2 with current keys: cards released before 2026-11-30 use `sellers` for `providers`."""
    if "sellers" not in shared:
        return shared
    names = shared.get("names")
    if isinstance(names, dict) and isinstance(names.get("rules"), list):
        rules = [{"providers" if key == "sellers" else key: rule[key] for key in rule} for rule in names["rules"]]
        names = {**names, "rules": rules}
    kept = {key: value for key, value in shared.items() if key != "sellers"}
    return {**kept, "providers": shared["sellers"], "names": names}


def _parsed(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CardError(f"{where}: found {line[:40]!r}; expected a JSON object ({error})") from error
    if not isinstance(value, dict):
        raise CardError(f"{where}: found {type(value).__name__}; expected a JSON object")
    return value
