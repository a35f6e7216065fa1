# SPDX-License-Identifier: Apache-2.0
"""One dialect made ready for one instrumentation scope: tables from attribute keys to fields, and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from spancost.core.dialect.attribute_layout import AttributeLayout, Encoded, fetcher, may_hold, tree_of
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
_UNPLANNED = frozenset(("billed_cost_usd", "duration_seconds"))
"""Fields of spans that have no plan."""
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
        "_inner",
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
        self._inner: dict[str, tuple[int, int]] = {}
        self._encoded: dict[str, list[tuple[tuple[str, ...], int, int]]] = {}
        self._responses: dict[str, list[tuple[tuple[str, ...], int, int]]] = {}
        for field, keys in entry["keys"].items():
            for rank, key in enumerate(keys):
                attribute, dollar, path = key.partition("$")
                if dollar:
                    self._encoded.setdefault(attribute, []).append((tuple(path.split(".")), _SLOT[field], rank))
                    self._inner[key] = (_SLOT[field], rank)
                else:
                    self._table[attribute] = (_SLOT[field], rank)
        for field, keys in (entry["responses"] if read_responses else {}).items():
            for rank, key in enumerate(keys, _LAST_RESORT):
                attribute, _, path = key.partition("$")
                self._responses.setdefault(attribute, []).append((tuple(path.split(".")), _SLOT[field], rank))
                self._inner[key] = (_SLOT[field], rank)
        self._by_name = any(rule.names for rule in self._rules)

    @property
    def id(self) -> str:
        """Return the dialect's id."""
        return self._id

    def read(self, span: Span) -> Reading | None:
        """Return the reading of *span*, None when it has none."""
        return self.read_with_rules(span)[0]

    def encoded(self, attributes: Attributes) -> tuple[Encoded, ...]:
        """Return the encoded attributes among *attributes* that may hold fields.

        An answer is asked only for counts that are nowhere else.
        """
        hits = sorted((*self._table[key], key) for key in attributes if key in self._table)
        first = {slot: (rank, key) for slot, rank, key in reversed(hits)}
        plain = {FIELDS[slot] for slot in first} & COUNTED
        found: list[Encoded] = []
        for key in attributes:
            asked = [place for place in self._responses.get(key, ()) if FIELDS[place[1]] not in plain]
            for places, is_answer in ((self._encoded.get(key), False), (asked, True)):
                if places:
                    tree = tree_of(key, [path for path, _, _ in places])
                    words = tuple(dict.fromkeys(path[-1] for path, _, _ in places))
                    instead = [first[slot][1] for _, slot, rank in places if slot in first and first[slot][0] < rank]
                    found.append((key, tree, words, is_answer, tuple(instead) if len(instead) == len(places) else ()))
        return tuple(found)

    def layout(self, flat: Attributes) -> AttributeLayout | None:
        """Return how the values of spans with the keys of *flat* are fetched, which are flattened.

        None when these values alone do not determine the reading.
        """
        places = {**self._table, **self._inner}
        held = sorted((places[key][1], key, FIELDS[places[key][0]]) for key in flat if key in places)
        first: dict[str, str] = {}
        for _, key, field in held:
            first.setdefault(field, key)
        varying = {key for _, key, field in held if field in _AMOUNTS}
        counts = [field for field in first if field in COUNTED]
        fields = (*counts, *(field for field in ("response_id", "reported_cost_usd") if field in first))
        known = {field for rank, _, field in held if field in COUNTED and rank < _LAST_RESORT}
        rules = [rule for rule in self._rules if rule.may_match(flat, known)]
        like = {key for rule in rules for key, _ in (*rule.like, *rule.not_like)}
        equal = dict.fromkeys(pair for rule in rules for pair in rule.equals)
        least = dict.fromkeys(limit for rule in rules for limit in rule.at_least if limit[0] in first)
        keys = [first[field] for field in fields]
        asked = {key for key, _ in equal if key in varying}
        if self._empty_values or not _UNPLANNED.isdisjoint(first) or like & varying or not asked <= set(keys):
            return None
        fixed = ({key for _, key, _ in held} | like | {key for key, _ in equal}) & flat.keys() - varying
        limits = tuple((fields.index(field), number) for field, number in least if field in fields)
        wanted = tuple((keys.index(key), values) for key, values in equal if key in varying)
        return AttributeLayout(
            (),
            fields,
            len(counts),
            fetcher(tuple(keys)),
            fetcher(tuple(sorted(fixed))),
            limits,
            wanted,
            self.is_named,
            {},
        )

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
