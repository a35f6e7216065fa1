# SPDX-License-Identifier: Apache-2.0
"""Resolves provider names and candidates for model names on the card. Nothing here is fuzzy; rules are data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_COMPACT_DATE = re.compile(r"^(.+?)[-@](20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$")
_DASHED_DATE = re.compile(r"^(.+?)[-@](20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
_GROUP = re.compile(r"\$([1-9])")

ANY_DATE = "*date"
"""Suffix of a name on the card: the name followed by any date is the same entry."""


class Candidate(NamedTuple):
    """One name to look up, with the facts in the reported name (`endpoint`, `vertex_location`, …)."""

    name: str
    facts: Mapping[str, str]


class ProviderNames:
    """Spellings and hosts of providers, mapped to values of `gen_ai.provider.name`."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """Read the `names` table of a card."""
        self._by_spelling: dict[str, str] = {}
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._host_suffixes: list[tuple[str, tuple[str, ...]]] = []
        for provider, row in table["providers"].items():
            for spelling in (provider, *row.get("names", ())):
                self._by_spelling[spelling] = provider
        for pattern, providers in table["hosts"].items():
            if pattern.startswith("*"):
                self._host_suffixes.append((pattern[1:], tuple(providers)))
            else:
                self._hosts[pattern] = tuple(providers)
        self._host_suffixes.sort(key=lambda pair: (-len(pair[0]), pair[0]))

    def canonical(self, name: str | None, server_address: str | None = None) -> str | None:
        """Return the provider as a value of `gen_ai.provider.name`.

        The host takes precedence over the reported name, because a client library of one provider is used with many.
        A name that is a host means the default provider of that host. An unknown name is returned trimmed and in lower
        case. None: neither is known.
        """
        spelled = name.strip().lower().strip('"') if name else ""
        provider = self._by_spelling.get(spelled, spelled)
        if "." in spelled and spelled not in self._by_spelling:
            provider = next(iter(self.at_host(spelled)), provider)
        providers = self.at_host(server_address) if server_address else ()
        if providers and provider not in providers:
            return providers[0]
        return provider or None

    def spellings(self, provider: str) -> tuple[str, ...]:
        """Return the known spellings of a provider's name."""
        return tuple(spelling for spelling, found in self._by_spelling.items() if found == provider)

    def hosts(self, provider: str) -> tuple[str, ...]:
        """Return the exact host names that belong to this provider alone."""
        return tuple(host for host, providers in self._hosts.items() if providers == (provider,))

    def is_known(self, name: str) -> bool:
        """Return whether *name* is a known spelling of a provider."""
        return name.strip().lower() in self._by_spelling

    def at_host(self, server_address: str) -> tuple[str, ...]:
        """Return the providers at a host (`api.x.ai`, `https://api.x.ai:443/v1`), the default one first."""
        host = host_of(server_address)
        exact = self._hosts.get(host)
        if exact is not None:
            return exact
        for suffix, providers in self._host_suffixes:
            if host.endswith(suffix):
                return providers
        return ()


def host_of(server_address: str) -> str:
    """Return the host name of an address that may have a scheme, a port or a path, in lower case."""
    host = server_address.strip().lower()
    host = host.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    return host.split(":", 1)[0] if host.count(":") == 1 else host


class ModelNames:
    """Rewrites a reported model name to candidate names on the card, with the facts that the name contains."""

    def __init__(self, table: Mapping[str, Any], providers: ProviderNames) -> None:
        """Read the `names` table of a card."""
        self._providers = providers
        self._rules = [
            (
                frozenset(rule.get("providers", ())),
                re.compile(rule["match"]),
                rule["model"],
                dict(rule.get("facts", {})),
            )
            for rule in table["rules"]
        ]

    def candidates(self, provider: str, model: str) -> Iterator[Candidate]:
        """Yield the names to look up, the least rewritten first, then the same names with other date formats."""
        names = list(self._rewritten(provider, model.strip().lower()))
        yield from names
        for name, facts in names:
            for redated in dated_spellings(name):
                yield Candidate(redated, facts)

    def _rewritten(self, provider: str, name: str) -> Iterator[Candidate]:
        facts: dict[str, str] = {}
        yield Candidate(name, facts)
        head, slash, rest = name.partition("/")
        if slash and rest and self._providers.canonical(head) == provider:
            name = rest
            yield Candidate(name, facts)
        for providers, pattern, template, stated in self._rules:
            if providers and provider not in providers:
                continue
            found = pattern.match(name)
            if found is None:
                continue
            name = fill(template, found)
            facts = {**facts, **{key: fill(value, found) for key, value in stated.items()}}
            yield Candidate(name, facts)


def dated_spellings(name: str) -> tuple[str, ...]:
    """Return the other date formats of a dated name (-YYYYMMDD, -YYYY-MM-DD, @YYYYMMDD), then `…*date`."""
    found = _COMPACT_DATE.match(name) or _DASHED_DATE.match(name)
    if found is None:
        return ()
    base, year, month, day = found.groups()
    return (
        f"{base}-{year}{month}{day}",
        f"{base}-{year}-{month}-{day}",
        f"{base}@{year}{month}{day}",
        base + ANY_DATE,
    )


def fill(template: str, found: re.Match[str]) -> str:
    """Return *template* with `$1` … `$9` replaced by the groups of *found*."""
    return _GROUP.sub(lambda group: found.group(int(group.group(1))) or "", template)
