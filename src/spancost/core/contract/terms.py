# SPDX-License-Identifier: Apache-2.0
"""A contract: a customer's prices with providers, compiled from YAML (pricing/CONTRACTS.md).

Immutable, read from its canonical bytes: one JSON object with sorted keys, no spaces, integers and strings only. The
first 8 hexadecimal digits of their SHA-256 are part of `llm.pricing_version`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from spancost.core.pricing.match import AccountFacts
from spancost.core.pricing.rates import Rate

FORMAT = 1
DIMENSIONS = ("deployment", "api_key_alias", "team", "account", "tenant", "model", "server_address", "provider")
"""Dimensions of conditions, the most specific first: with equally many conditions, the earlier one wins."""
FACTS = ("tenant", "team", "account", "api_key_alias", "deployment")
"""Facts of a call's context that only contracts read."""
OVERRIDE = "override_usd"
"""The fact with a cost set by the application."""
LOWERED = frozenset(("deployment", "model", "server_address", "provider"))
"""Case-insensitive dimensions."""
_CURRENT = {"seller": "provider"}
"""Former names of dimensions in compiled contracts: the bytes, and so the version, stay the same."""
_KEYS = frozenset(("attributes", "deployments", "facts", "format", "name", "override", "terms"))


class ContractError(ValueError):
    """A contract is invalid; the message says where (file, line, key), what was found and what was expected."""


class Table(NamedTuple):
    """Contract rates by meter and context tier. when: the facts that they apply to; empty for base rates."""

    when: Mapping[str, str]
    rates: Mapping[str, Rate]
    steps: tuple[Mapping[str, Any], ...]


class Hardware(NamedTuple):
    """Hardware prices: femto-dollars per GPU hour, and the number of GPUs that a call occupies."""

    rate: Rate
    gpus: Rate


class Term(NamedTuple):
    """One contract term.

    when: dimension -> text, which may begin or end in `*`. from_s, until_s: seconds since the epoch, until exclusive,
    None for open. base, variants: contract rates. skip: ids of the card's modifiers that do not apply to contract
    rates, `*` for all. factor: multiplier of token rates after the discount; is_for_all: of fees and measures too.
    hardware: price by hardware time. is_allocated: the rates allocate hardware cost to tokens.
    """

    id: str
    when: Mapping[str, str]
    from_s: int | None
    until_s: int | None
    base: Table
    variants: tuple[Table, ...]
    skip: frozenset[str]
    factor: Rate
    is_for_all: bool
    hardware: Hardware | None
    is_allocated: bool

    def meters(self) -> set[str]:
        """Return every meter that the term names."""
        found: set[str] = set()
        for table in (self.base, *self.variants):
            found.update(table.rates, *(step["rates"] for step in table.steps), (step["meter"] for step in table.steps))
        return found

    @property
    def has_rates(self) -> bool:
        """Return whether the term has more than a discount."""
        return bool(self.base.rates or self.base.steps or self.variants)


class Deployment(NamedTuple):
    """The model and facts behind a deployment name or an ARN; facts may have any known spelling."""

    when: Mapping[str, str]
    from_s: int | None
    until_s: int | None
    model: str
    facts: Mapping[str, str]


class Override(NamedTuple):
    """The attribute with a cost in USD set by the application, and its maximum in femto-dollars."""

    attribute: str
    most: int


class Contract:
    """Terms, deployments, account facts, and the span attributes with the facts of conditions.

    account: provider -> fact -> value, for calls that do not report the fact.
    """

    def __init__(self, content: Mapping[str, Any], suffix: str) -> None:
        """Use `from_bytes`. *content*: the parsed canonical bytes."""
        self.suffix = suffix
        self.content = content
        self.name: str = _text(content["name"])
        self.attributes: dict[str, tuple[str, ...]] = {
            fact: _texts(keys) for fact, keys in sorted(content["attributes"].items())
        }
        for fact in self.attributes.keys() - FACTS:
            raise ValueError(f"{fact!r} is no fact")
        self.account: AccountFacts = {provider: _stated(facts) for provider, facts in content.get("facts", {}).items()}
        given = content.get("override")
        self.override = Override(given["attribute"], given["most"]) if given else None
        self.terms = tuple(_term(row) for row in content["terms"])
        self.deployments = tuple(
            Deployment(_when(row), _second(row, "from"), _second(row, "until"), _text(row["model"]), row["facts"])
            for row in content["deployments"]
        )
        self._condition_texts: dict[str, list[str]] = {dimension: [] for dimension in DIMENSIONS}
        self._rows: tuple[Term | Deployment, ...] = (*self.terms, *self.deployments)
        if any("model" in deployment.when for deployment in self.deployments):
            raise ValueError("model is no condition of deployments")
        for row in self._rows:
            for dimension, text in row.when.items():
                self._condition_texts[dimension].append(text)

    @classmethod
    def from_bytes(cls, canonical: bytes, where: str = "contract") -> Contract:
        """Return the contract of *canonical*; raise ContractError with *where* and what is wrong."""
        body = canonical.rstrip(b"\n")
        try:
            content = json.loads(body)
        except ValueError as error:
            raise ContractError(f"{where}: found no JSON ({error}); expected a compiled contract") from error
        found = content.get("format") if isinstance(content, dict) else content
        if not isinstance(content, dict) or found.__class__ is not int or found != FORMAT:
            raise ContractError(f"{where}, format: found {found!r}; expected {FORMAT}")
        if canonical_bytes(content) != body:
            raise ContractError(f"{where}: found changed content; expected it as `spancost contract` compiles it")
        unknown = sorted(content.keys() - _KEYS)
        if unknown:
            raise ContractError(f"{where}, {unknown[0]}: found an unknown key; expected {', '.join(sorted(_KEYS))}")
        try:
            contract = cls(content, hashlib.sha256(body).hexdigest()[:8])
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise ContractError(
                f"{where}: found a part that cannot be read ({error!r}); expected a contract"
            ) from error
        for one, other, kind in contract.overlaps():
            raise ContractError(f"{where}: found {kind} {one} and {other} for the same calls at the same time")
        return contract

    @property
    def is_of_facts_only(self) -> bool:
        """Return whether it has account facts and nothing else."""
        return bool(self.account) and not (self._rows or self.override)

    def has_conditions(self, dimension: str) -> bool:
        """Return whether any condition uses *dimension*."""
        return bool(self._condition_texts[dimension])

    def matches_any(self, dimension: str, text: str) -> bool:
        """Return whether *text* can match a condition; other values change nothing."""
        return any(fit(wanted, (text,)) is not None for wanted in self._condition_texts[dimension])

    def instants(self) -> tuple[int, ...]:
        """Return the seconds since the epoch at which a row starts or ends, ascending."""
        return tuple(sorted({at for row in self._rows for at in (row.from_s, row.until_s) if at is not None}))

    def overlaps(self) -> Iterator[tuple[int, int, str]]:
        """Yield index pairs of terms, and of deployments, that apply to the same calls at the same time."""
        yield from _overlaps(self.terms, "terms")
        yield from _overlaps(self.deployments, "deployments")


def canonical_bytes(content: Mapping[str, Any]) -> bytes:
    """Return the canonical form of a compiled contract; its hash is the version."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fit(wanted: str, spellings: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the specificity of a condition for the spellings of a call (best first); None without a match.

    Exact text beats a pattern; an earlier spelling beats a later one. A longer pattern beats a shorter one; of the same
    length, a prefix pattern beats a suffix pattern.
    """
    if wanted.endswith("*"):
        start = wanted[:-1]
        return (1, len(start), 1) if any(text.startswith(start) for text in spellings) else None
    if wanted.startswith("*"):
        end = wanted[1:]
        return (1, len(end), 0) if any(text.endswith(end) for text in spellings) else None
    return (2, -spellings.index(wanted), 0) if wanted in spellings else None


def _overlaps(rows: Sequence[Term | Deployment], kind: str) -> Iterator[tuple[int, int, str]]:
    seen: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for index, row in enumerate(rows):
        same = seen.setdefault(tuple(sorted(row.when.items())), [])
        yield from ((other, index, kind) for other in same if _overlap(rows[other], row))
        same.append(index)


def _overlap(one: Term | Deployment, other: Term | Deployment) -> bool:
    def begins_before_end(a: Term | Deployment, b: Term | Deployment) -> bool:
        return a.from_s is None or b.until_s is None or a.from_s < b.until_s

    return begins_before_end(one, other) and begins_before_end(other, one)


def _term(row: Mapping[str, Any]) -> Term:
    given = row.get("hardware")
    return Term(
        _text(row["id"]),
        _when(row),
        _second(row, "from"),
        _second(row, "until"),
        _table(row),
        tuple(_table(variant, variant["when"]) for variant in row.get("variants", ())),
        frozenset(_texts(row.get("skip", []))),
        _rate(row.get("x", 1)),
        row.get("units") == "all",
        Hardware(_rate(given["rate"]), _rate(given["gpus"])) if given else None,
        bool(row.get("allocated")),
    )


def _when(row: Mapping[str, Any]) -> dict[str, str]:
    """Return conditions; raise for an empty one."""
    when = {_CURRENT.get(dimension, dimension): _text(text) for dimension, text in row["when"].items()}
    if not all(when.values()):
        raise ValueError(f"{when!r} has a condition about nothing")
    return when


def _stated(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return account facts; raise for an empty one."""
    stated = {fact: _text(text) for fact, text in facts.items()}
    if not stated or not all(text.strip() for text in stated.values()):
        raise ValueError(f"{facts!r} states nothing")
    return stated


def _second(row: Mapping[str, Any], key: str) -> int | None:
    at = row.get(key)
    if key in row and at.__class__ is not int:
        raise TypeError(f"{at!r} is no second")
    return at


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(_text(value) for value in values)


def _table(row: Mapping[str, Any], when: Mapping[str, str] | None = None) -> Table:
    steps = tuple({**step, "rates": _rates(step["rates"])} for step in row.get("steps", ()))
    return Table(when or {}, _rates(row.get("rates", {})), steps)


def _rates(row: Mapping[str, Any]) -> dict[str, Rate]:
    return {meter: _rate(value) for meter, value in row.items()}


def _rate(value: Any) -> Rate:
    """Return a rational number of 0 or more; raise otherwise, so that no contract makes a cost negative."""
    numerator, denominator = (value, 1) if isinstance(value, int) else value
    if numerator.__class__ is not int or denominator.__class__ is not int:
        raise TypeError(f"{value!r} is no rational")
    if numerator < 0 or denominator < 1:
        raise ValueError(f"{value!r} is negative")
    return numerator, denominator
