# SPDX-License-Identifier: Apache-2.0
"""One dialect made ready for one instrumentation scope: tables from attribute keys to fields, and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from spancost.core.dialect.attribute_layout import AttributeLayout, Encoded, Source, fetcher, may_hold
from spancost.core.dialect.encoded import get_path, parse, text_of
from spancost.core.dialect.fields import COUNTED, COUNTS, REPORTED, caveat_of_usage, figures_of, number_of
from spancost.core.dialect.inclusive import FIGURES, inclusive
from spancost.core.dialect.rule import Rule, remap_fields, rules_for
from spancost.core.dialect.scalars import began_at, bill, femto, finish, host
from spancost.core.reading import CALL, CONTAINER, Reading
from spancost.core.span import Attributes, Span

TEXTS = (
    "operation",
    "provider",
    "model",
    "request_model",
    "response_id",
    "finish_reason",
    "service_tier",
    "processing",
    "server_address",
)
CONTEXT = ("speed", "inference_geo", "data_residency", "vertex_location", "deployment_type", "search_context")
NUMBERS = ("reported_cost_usd", "billed_cost_usd", "upstream_cost_usd", "duration_seconds")
FIELDS = COUNTS + TEXTS + CONTEXT + NUMBERS + ("own_key",)
MARKING_FIELDS = frozenset(FIGURES) | {"operation", "reported_cost_usd"}
"""Fields whose keys mark a span as a model call; the key of a fee does not, because it can have any use."""

_SLOT = {field: slot for slot, field in enumerate(FIELDS)}
_ENDS = frozenset(("input_tokens", "output_tokens"))
_REPORTED_BESIDE_TOTAL = frozenset((*FIGURES[4:7], "cache_read_tokens"))
"""Figures of the output and of the cached part."""
_AMOUNTS = frozenset((*COUNTS, *NUMBERS, "response_id"))
"""Fields whose values differ from call to call."""
_LAST_RESORT = 50
_UNSET = (99,) * len(FIELDS)


class Names(Protocol):
    """What this module asks of `ProviderNames`."""

    def canonical(self, name: str | None, server_address: str | None = None) -> str | None:
        """Return the provider as a value of `gen_ai.provider.name`, None when it is unknown."""


class Program:
    """How spans of one scope and version are read."""

    __slots__ = (
        "_by_name",
        "_costs_without_usage",
        "_default",
        "_default_provider",
        "_empty_values",
        "_encoded",
        "_id",
        "_input_without_cache",
        "_names",
        "_operations",
        "_providers",
        "_responses",
        "_rules",
        "_stands_alone",
        "_table",
        "_two_sided",
    )

    def __init__(
        self,
        entry: Mapping[str, Any],
        scope: tuple[str, str, str],
        names: Names,
        read_responses: bool,
        two_sided: frozenset[str] = frozenset(),
        input_without_cache: frozenset[str] = frozenset(),
        costs_without_usage: frozenset[str] = frozenset(),
        default_provider: str | None = None,
    ) -> None:
        """Make the dialect *entry* ready for one scope: name, version and language.

        two_sided: operations with both an input and an output; when one is not reported, usage is missing.
        input_without_cache: providers whose own input leaves the cached part out: a total may hold it.
        """
        self._id: str = entry["id"]
        self._names = names
        self._operations: dict[str, list[str]] = entry["operations"]
        self._default: list[str] = entry["default"]
        self._providers: dict[str, str] = entry.get("providers", {})
        self._rules = rules_for(entry.get("rules", []), *scope)
        self._two_sided = two_sided
        self._input_without_cache = input_without_cache
        self._default_provider = default_provider
        self._costs_without_usage = costs_without_usage
        self._empty_values: tuple[str, ...] = tuple(entry.get("empty_values", ()))
        self._stands_alone: bool = entry.get("responses_alone", False)
        self._table: dict[str, tuple[int, int]] = {}
        self._encoded: dict[str, list[tuple[tuple[str, ...], int, int]]] = {}
        self._responses: dict[str, list[tuple[tuple[str, ...], int, int]]] = {}
        for field, keys in entry["keys"].items():
            for rank, key in enumerate(keys):
                attribute, dollar, path = key.partition("$")
                if dollar:
                    self._encoded.setdefault(attribute, []).append((tuple(path.split(".")), _SLOT[field], rank))
                else:
                    self._table[attribute] = (_SLOT[field], rank)
        for field, keys in (entry["responses"] if read_responses else {}).items():
            for rank, key in enumerate(keys, _LAST_RESORT):
                attribute, _, path = key.partition("$")
                self._responses.setdefault(attribute, []).append((tuple(path.split(".")), _SLOT[field], rank))
        self._by_name = any(rule.names for rule in self._rules)

    @property
    def id(self) -> str:
        """Return the dialect's id."""
        return self._id

    def read(self, span: Span) -> Reading | None:
        """Return the reading of *span*, None when it has none."""
        return self.read_with_rules(span)[0]

    def layout(self, attributes: Attributes) -> AttributeLayout | None:
        """Return how the values of spans with the keys of *attributes* are fetched.

        None when these values alone do not determine the reading.
        """
        sources = self._sources(attributes)
        plain = [source for source in sources if not source.path and source.field in _AMOUNTS]
        counts = {source.field for source in plain if source.field in COUNTED}
        rules = [rule for rule in self._rules if rule.may_match(attributes, counts)]
        varying = {source.attribute for source in plain}
        if any(key in varying for rule in rules for key, _ in (*rule.like, *rule.not_like)):
            return None
        asked = {pair[0] for rule in rules for pair in (*rule.equals, *rule.like, *rule.not_like)} & attributes.keys()
        fixed = (asked | {source.attribute for source in sources if not source.path}) - varying
        inner: dict[tuple[str, bool], list[Source]] = {}
        for source in sources:
            if source.path and not (source.is_answer and source.field in counts):  # a plain count comes before it
                inner.setdefault((source.attribute, source.is_answer), []).append(source)
        ordered = [*plain, *(one for held in inner.values() for one in held)]
        limits = dict.fromkeys(limit for rule in rules for limit in rule.at_least)
        equal = [pair for rule in rules for pair in rule.equals if pair[0] in varying]
        return AttributeLayout(
            tuple(ordered),
            self.is_named,
            fetcher(tuple(source.attribute for source in plain)),
            fetcher(tuple(sorted(fixed))),
            tuple(_encoded(key, held, is_answer) for (key, is_answer), held in inner.items()),
            self._empty_values,
            tuple((at, least) for field, least in limits for at, one in enumerate(ordered) if one.field == field),
            tuple(dict.fromkeys(equal)),
            tuple(
                (at, beside)
                for at, one in enumerate(ordered)
                for beside, other in enumerate(ordered)
                if one.field == "billed_cost_usd" and other.field == "upstream_cost_usd"
            ),
            {},
        )

    def _sources(self, attributes: Attributes) -> list[Source]:
        """Return where spans with the keys of *attributes* may hold the fields, in the order of the attributes."""
        sources = []
        for key in attributes:
            if key in self._table:
                slot, rank = self._table[key]
                sources.append(Source(key, (), FIELDS[slot], rank))
            sources += [Source(key, path, FIELDS[slot], rank) for path, slot, rank in self._encoded.get(key, ())]
            sources += [
                Source(key, path, FIELDS[slot], rank, True) for path, slot, rank in self._responses.get(key, ())
            ]
        return sources

    @property
    def is_named(self) -> bool:
        """Return whether what spans say depends on their names."""
        return self._by_name

    def proving(self, figures: dict[str, Any], provider: str | None) -> None:
        """Take the total out of *figures* where it proves nothing: it may hold cached tokens, and does not say so."""
        if provider in self._input_without_cache and _REPORTED_BESIDE_TOTAL.isdisjoint(figures):
            figures.pop("total_tokens", None)

    def read_with_rules(self, span: Span) -> tuple[Reading | None, tuple[Rule, ...]]:
        """Return the reading of *span* by the slow path, and the rules that matched."""
        values = self.gather(span.attributes)
        get = values.get
        address = host(get("server_address"))
        named = text_of(get("provider"))
        if named is not None:
            named = self._providers.get(named, named)
        provider = self._names.canonical(named or None, address)
        is_told = provider is not None
        provider = provider or self._default_provider
        raw = text_of(get("operation"))
        kind, operation = self._default if raw is None else self._operations.get(raw.lower(), (CONTAINER, raw))
        caveat: tuple[str, str] | None = None
        rules: list[Rule] = []
        for rule in self._rules:
            if not rule.matches(span, provider, values):
                continue
            rules.append(rule)
            if rule.ignore:
                return None, tuple(rules)
            kind, operation, provider = rule.kind or kind, rule.operation or operation, rule.provider or provider
            caveat = rule.caveat or caveat
            if rule.provider_in_model and (provider is None or (not is_told and provider == self._default_provider)):
                vendor, slash, _ = (text_of(get("model") or get("request_model")) or "").partition("/")
                provider = (self._names.canonical(vendor) if slash else None) or self._default_provider
        remap_fields(values, rules)
        figures, bad = figures_of(values)
        names_call = kind == CALL and (raw is not None or bool(figures))
        if kind == CALL and not any(figures.values()):
            figures = {}  # no provider bills a call of nothing: the emitter writes 0 for what it does not know
        if not figures and not names_call:
            if operation not in self._costs_without_usage or not femto(get("reported_cost_usd")):
                return None, tuple(rules)
            kind = CALL  # cost of a tool or of hardware, where nothing else is reported
        self.proving(figures, provider)
        usage, split = inclusive(figures) if figures else (figures, None)
        is_incomplete = bool(usage) and kind == CALL and operation in self._two_sided and not _ENDS.issubset(usage)
        caveat = caveat_of_usage(bad, split, is_incomplete, caveat)
        billed = bill(values)
        reading = Reading(
            self._id,
            kind,
            operation,
            provider,
            text_of(get("model")) or text_of(get("request_model")),
            usage,
            text_of(get("request_model")),
            text_of(get("response_id")),
            finish(get("finish_reason")),
            text_of(get("service_tier")),
            text_of(get("processing")),
            caveat,
            self._context(values, address),
            femto(get("reported_cost_usd")) if billed is None else billed,
            billed is not None,
            began_at(span.start_ns, span.end_ns, get("duration_seconds")),
        )
        return reading, tuple(rules)

    def gather(self, attributes: Attributes) -> dict[str, Any]:
        """Return field -> the value of its first key, in the dialect's order, that the span carries."""
        table, encoded = self._table, self._encoded
        ranks = list(_UNSET)
        found: dict[str, Any] = {}
        for key, value in attributes.items():
            hit = table.get(key)
            if hit is not None:
                slot, rank = hit
                if rank < ranks[slot] and value is not None and value != "" and value not in self._empty_values:
                    ranks[slot] = rank
                    found[FIELDS[slot]] = value
            if key in encoded:
                content = parse(value)
                for path, slot, rank in encoded[key]:
                    if rank < ranks[slot]:
                        inner = get_path(content, path)
                        if inner is not None:
                            ranks[slot] = rank
                            found[FIELDS[slot]] = inner
        if self._responses and (self._stands_alone or not REPORTED.isdisjoint(found)):
            self._fill_in(found, ranks, attributes)
        for field, value in found.items():
            if value.__class__ is str and field in COUNTED:
                found[field] = number_of(value)
        return found

    def _fill_in(self, found: dict[str, Any], ranks: list[int], attributes: Attributes) -> None:
        """Add to *found* the counts that only the usage member of a provider's answer has; store nothing else."""
        for attribute, places in self._responses.items():
            text = attributes.get(attribute)
            missing = [place for place in places if place[2] < ranks[place[1]]]
            if not may_hold(text, tuple({place[0][-1] for place in missing})):
                continue
            content = parse(text)
            for path, slot, rank in missing:
                inner = get_path(content, path)
                if inner is not None:
                    ranks[slot] = rank
                    found[FIELDS[slot]] = inner

    def _context(self, values: dict[str, Any], address: str | None) -> dict[str, str] | None:
        context = {"server_address": address} if address else {}
        for field in CONTEXT:
            if field in values:
                text = text_of(values[field])
                if text:
                    context[field] = text
        return context or None


def _encoded(key: str, held: list[Source], is_answer: bool) -> Encoded:
    inner: dict[str, list[tuple[int, tuple[str, ...], bool]]] = {}
    for place, one in enumerate(held):
        inner.setdefault(one.path[0], []).append((place, one.path[1:], one.field in _AMOUNTS))
    return key, len(held), inner, tuple({one.path[-1] for one in held}) if is_answer else ()
