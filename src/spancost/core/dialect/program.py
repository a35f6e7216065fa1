# SPDX-License-Identifier: Apache-2.0
"""One dialect made ready for one instrumentation scope: tables from attribute keys to fields, and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from spancost.core.dialect.encoded import MAX_CHARACTERS, dig, parse, text_of
from spancost.core.dialect.figures import COUNTED, COUNTS, REPORTED, doubt_of_usage, figures_of, number_of
from spancost.core.dialect.inclusive import FIGURES, inclusive
from spancost.core.dialect.rule import Rule, bend, rules_for
from spancost.core.dialect.scalars import began, femto, finish, host
from spancost.core.dialect.shape import SHAPES_KEPT, Frame, Shape, fetcher, fill, frame_of, with_floors
from spancost.core.reading import CALL, CONTAINER, Reading
from spancost.core.recent import Recent
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
NUMBERS = ("reported_cost_usd", "billed_cost_usd", "duration_seconds")
FIELDS = COUNTS + TEXTS + CONTEXT + NUMBERS
MARKING_FIELDS = frozenset(FIGURES) | {"operation", "reported_cost_usd"}
"""Fields whose keys tell that a span speaks of a model call; a fee's key does not: it may serve any use."""

_COUNT = len(COUNTS)
_SLOT = {field: slot for slot, field in enumerate(FIELDS)}
_RESPONSE_ID = _SLOT["response_id"]
_ENDS = frozenset(("input_tokens", "output_tokens"))
_TOLD_BESIDE_TOTAL = frozenset((*FIGURES[4:7], "cache_read_tokens"))
"""Figures of the output and of the cached part."""
_LAST_RESORT = 50
_UNSET = (99,) * len(FIELDS)


class Names(Protocol):
    """What this module asks of `ProviderNames`."""

    def canonical(self, name: str | None, server_address: str | None = None) -> str | None:
        """Return the seller as a value of `gen_ai.provider.name`, None when it is unknown."""


class Program:
    """How spans of one scope and version are read."""

    __slots__ = (
        "_asked",
        "_blanks",
        "_by_name",
        "_cached_outside",
        "_default",
        "_default_provider",
        "_encoded",
        "_id",
        "_keys",
        "_names",
        "_operations",
        "_providers",
        "_responses",
        "_rules",
        "_shapes",
        "_stands_alone",
        "_stated_costs",
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
        cached_outside: frozenset[str] = frozenset(),
        stated_costs: frozenset[str] = frozenset(),
        default_provider: str | None = None,
    ) -> None:
        """Make the dialect *entry* ready for one scope: name, version and language.

        two_sided: operations that have both an input and an output; where one of them is not told, usage is missing.
        cached_outside: providers whose own input leaves the cached part out: a total may hold it.
        """
        self._id: str = entry["id"]
        self._names = names
        self._operations: dict[str, list[str]] = entry["operations"]
        self._default: list[str] = entry["default"]
        self._providers: dict[str, str] = entry.get("providers", {})
        self._rules = rules_for(entry.get("rules", []), *scope)
        self._two_sided = two_sided
        self._cached_outside = cached_outside
        self._default_provider = default_provider
        self._stated_costs = stated_costs
        self._blanks: tuple[str, ...] = tuple(entry.get("blanks", ()))
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
        asked = {
            pair[0] for rule in self._rules for pair in (*rule.equals, *rule.like, *rule.unlike)
        }  # their values matter; of the others only whether they are there
        self._asked = frozenset(asked)
        asked.update(key for rule in self._rules for key in (*rule.has, *rule.lacks))
        self._keys = frozenset((*self._table, *self._encoded, *self._responses, *asked))
        self._by_name = any(rule.names for rule in self._rules)
        self._shapes: Recent[frozenset[str], Shape] = Recent(SHAPES_KEPT)

    @property
    def id(self) -> str:
        """Return the dialect's id."""
        return self._id

    def read(self, span: Span) -> Reading | None:
        """Return what *span* says, None when it says nothing about a model call."""
        attributes = span.attributes
        keys = self._keys.intersection(attributes)
        shape = self._shapes.new.get(keys) or self._shapes.get(keys)
        if shape is None:
            shape = self._shape(keys)
        if shape.words is None or (shape.responses and _may_tell(shape.responses, attributes)):
            return self._read(span)[0]
        words = (shape.words(attributes), span.name if self._by_name else None)
        try:
            frame = shape.frames.get(words)
        except TypeError:  # a list among the words
            return self._read(span)[0]
        if frame is None:
            return self._learn(span, shape, words)
        if frame.says is None:
            return None
        return fill(frame, frame.says, attributes) or self._read(span)[0]

    def shape(self, attributes: Attributes) -> tuple[Shape, bool]:
        """Return the shape of a span with *attributes*, and whether its name is one of its words."""
        keys = self._keys.intersection(attributes)
        return self._shapes.get(keys) or self._shape(keys), self._by_name

    def frame(self, span: Span) -> Frame | None:
        """Return what *span* shares with spans that were read before, None when it must be read in full."""
        shape, is_named = self.shape(span.attributes)
        if shape.words is None:
            return None
        return shape.frames.get((shape.words(span.attributes), span.name if is_named else None))

    def _shape(self, keys: frozenset[str]) -> Shape:
        """Return the new shape of spans with *keys*: words for all but counts and response ids, if these are plain."""
        slots = {key: self._table[key][0] for key in keys if key in self._table}
        inner = {slot for key in keys for _, slot, _ in self._encoded.get(key, ())}
        is_odd = (
            bool(self._blanks)
            or any(slot < _COUNT or slot == _RESPONSE_ID for slot in inner)
            or any(FIELDS[slot] in NUMBERS for slot in (*slots.values(), *inner))
        )
        is_odd = is_odd or any(slots[key] == _RESPONSE_ID for key in self._asked.intersection(slots))
        fetched = (key for key in sorted(keys) if slots.get(key, _COUNT) >= _COUNT and slots.get(key) != _RESPONSE_ID)
        told = {*slots.values()}
        responses = {
            key: frozenset(path[-1] for path, slot, _ in self._responses[key] if slot not in told)
            for key in sorted(keys.intersection(self._responses))
        }
        words = with_floors(fetcher(tuple(fetched)), self._floors(keys))
        shape = Shape(None if is_odd else words, keys, tuple(responses.items()))
        self._shapes.set(keys, shape)
        return shape

    def _floors(self, keys: frozenset[str]) -> tuple[tuple[tuple[str, int], ...], ...]:
        """Return what rules ask of the counts of spans with *keys*, each with the key that holds the count."""
        holders: dict[str, str] = {}
        for key in sorted((key for key in keys if key in self._table), key=lambda key: -self._table[key][1]):
            holders[FIELDS[self._table[key][0]]] = key
        counted = {field for field in holders if _SLOT[field] < _COUNT}
        return tuple(
            dict.fromkeys(
                tuple((holders[field], least) for field, least in rule.at_least)
                for rule in self._rules
                if rule.at_least
                and counted.issuperset(field for field, _ in rule.at_least)
                and counted.isdisjoint(rule.untold)  # a count that is no whole number is read in full
                and keys.issuperset(rule.has)
                and keys.isdisjoint(rule.lacks)
            )
        )

    def _learn(self, span: Span, shape: Shape, words: tuple[Any, ...]) -> Reading | None:
        """Read a span in full and keep what spans like it share, when filling that in gives this span's reading."""
        reading, rules = self._read(span)
        holders: dict[str, Any] = {}
        for key in sorted((key for key in shape.keys if key in self._table), key=lambda key: -self._table[key][1]):
            holders[FIELDS[self._table[key][0]]] = key
        bend(holders, rules)
        if reading is None:
            if (rules and rules[-1].ignore) or not any(_SLOT[field] < _COUNT for field in holders):
                shape.frames.set(words, Frame(None))
            return None
        counts = {field: key for field, key in holders.items() if _SLOT[field] < _COUNT}
        frame = frame_of(reading, counts, holders.get("response_id"))
        if fill(frame, reading, span.attributes) == reading:
            shape.frames.set(words, frame)
        return reading

    def _read(self, span: Span) -> tuple[Reading | None, tuple[Rule, ...]]:
        """Return what *span* says, worked out in full, and the rules that matched."""
        values = self._gather(span.attributes)
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
        doubt: tuple[str, str] | None = None
        rules: list[Rule] = []
        for rule in self._rules:
            if not rule.matches(span, provider, values):
                continue
            rules.append(rule)
            if rule.ignore:
                return None, tuple(rules)
            kind, operation, provider = rule.kind or kind, rule.operation or operation, rule.provider or provider
            doubt = rule.doubt or doubt
            if rule.seller_in_model and (provider is None or (not is_told and provider == self._default_provider)):
                seller, slash, _ = (text_of(get("model") or get("request_model")) or "").partition("/")
                provider = (self._names.canonical(seller) if slash else None) or self._default_provider
        bend(values, rules)
        figures, bad = figures_of(values)
        names_call = kind == CALL and (raw is not None or bool(figures))
        if kind == CALL and not any(figures.values()):
            figures = {}  # no provider bills a call of nothing: the emitter writes 0 for what it does not know
        if not figures and not names_call:
            if operation not in self._stated_costs or not femto(get("reported_cost_usd")):
                return None, tuple(rules)
            kind = CALL  # what a tool or a machine cost, where nothing else is told
        if provider in self._cached_outside and _TOLD_BESIDE_TOTAL.isdisjoint(figures):
            figures.pop("total_tokens", None)
        usage, split = inclusive(figures) if figures else (figures, None)
        is_short = bool(usage) and kind == CALL and operation in self._two_sided and not _ENDS.issubset(usage)
        doubt = doubt_of_usage(bad, split, is_short, doubt)
        billed = femto(get("billed_cost_usd"))
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
            doubt,
            self._context(values, address),
            femto(get("reported_cost_usd")) if billed is None else billed,
            billed is not None,
            began(span, get("duration_seconds")),
        )
        return reading, tuple(rules)

    def _gather(self, attributes: Attributes) -> dict[str, Any]:
        """Return field -> the value of its first key, in the dialect's order, that the span carries."""
        table, encoded = self._table, self._encoded
        ranks = list(_UNSET)
        found: dict[str, Any] = {}
        for key, value in attributes.items():
            hit = table.get(key)
            if hit is not None:
                slot, rank = hit
                if rank < ranks[slot] and value is not None and value != "" and value not in self._blanks:
                    ranks[slot] = rank
                    found[FIELDS[slot]] = value
            if key in encoded:
                content = parse(value)
                for path, slot, rank in encoded[key]:
                    if rank < ranks[slot]:
                        inner = dig(content, path)
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
        """Put into *found* the figures that only the usage member of a provider's answer tells; keep nothing else."""
        for attribute, places in self._responses.items():
            text = attributes.get(attribute)
            untold = [place for place in places if place[2] < ranks[place[1]]]
            if not _may_tell(((attribute, frozenset(place[0][-1] for place in untold)),), attributes):
                continue
            content = parse(text)
            for path, slot, rank in untold:
                inner = dig(content, path)
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


def _may_tell(responses: tuple[tuple[str, frozenset[str]], ...], attributes: Attributes) -> bool:
    """Whether one of these attributes holds one of its words: most answers are told apart without being parsed."""
    for attribute, words in responses:
        text = attributes.get(attribute)
        if isinstance(text, str) and len(text) <= MAX_CHARACTERS and any(word in text for word in words):
            return True
    return False
