# SPDX-License-Identifier: Apache-2.0
"""Verifies spans against the rate cards that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from spancost.core import semconv as names
from spancost.core.call import UNPRICED
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.writes import Written
from spancost.core.pricing.card import CardError
from spancost.core.pricing.names import ProviderNames
from spancost.core.pricing.price import Pricer
from spancost.core.span import Attributes, Span
from spancost.diagnose.stated_costs import stated_costs
from spancost.diagnose.verify.calls import OF_A_CALL, Recomputing
from spancost.diagnose.verify.finding import ALONE, TOTAL, Difference, Place, Report, Unverified
from spancost.diagnose.verify.totals import TRACE, Key, verify_totals
from spancost.store.enrich import joined
from spancost.store.otlp_json import Carried

PricerOf = Callable[[str], Pricer]
"""Returns the pricer of a version; CardError when there is none."""


def verify(all_carried: Iterable[Carried], pricer_of: PricerOf, dialects: Dialects, providers: ProviderNames) -> Report:
    """Recompute every call that names a rate card, then the totals above them, and report what differs.

    Spans may come in any order and more than once: identical copies are one span.
    """
    copies: dict[Key, list[Carried]] = defaultdict(list)
    for carried in all_carried:
        copies[carried.span.trace_id, carried.span.span_id].append(carried)
    report = Report(spans=len(copies), traces=len({trace for trace, _ in copies}))
    places = {key: _place(held[0]) for key, held in copies.items()}
    cards = _Cards(pricer_of, dialects, providers)
    spans: dict[Key, Span] = {}
    for key, span in joined(copies).items():
        span = _with_its_own_parent(span, copies[key][0].span)
        spans[key] = _checked(span, places[key], cards, report)
        for copy in copies[key][1:]:
            if _ours(copy.span.attributes) != _ours(span.attributes):
                _checked(copy.span, places[key], cards, report)
                report.unverified.append(Unverified(places[key], "the span occurs twice, with different costs"))
    _check_totals(spans, places, report)
    report.versions = sorted(cards.used)
    report.stated = stated_costs(((span, span.attributes) for span in spans.values()), dialects)
    return report


class _Cards:
    """Caches what recomputes spans, by version."""

    def __init__(self, pricer_of: PricerOf, dialects: Dialects, providers: ProviderNames) -> None:
        self._pricer_of = pricer_of
        self._providers = providers
        self._dialects = dialects
        self._held: dict[str, Recomputing | str] = {}
        self.used: set[str] = set()

    def recomputing(self, version: str) -> Recomputing | str:
        """Return what recomputes spans of a version, or the reason why there is none."""
        held = self._held.get(version)
        if held is None:
            held = self._held[version] = self._made(version)
            if isinstance(held, Recomputing):
                self.used.add(version)
        return held

    def _made(self, version: str) -> Recomputing | str:
        try:
            pricer = self._pricer_of(version)
        except CardError as error:
            return str(error)
        return Recomputing(self._dialects, pricer, self._providers)


def _checked(span: Span, place: Place, cards: _Cards, report: Report) -> Span:
    """Report the differences on the call of *span*; return the span with the expected attributes."""
    version = span.attributes.get(names.LLM_PRICING_VERSION)
    if version is None:
        return span
    recomputing = cards.recomputing(str(version))
    if isinstance(recomputing, str):
        report.unverified.append(Unverified(place, recomputing))
        return span
    if span.attributes.get(names.LLM_COST_STATUS) == UNPRICED:
        report.unpriced += 1
    else:
        report.calls += 1
    expected: Written = recomputing.written(span)
    findings = list(recomputing.findings(span, expected))
    report.differences.extend(Difference(place, *found) for found in findings)
    if any(found.basis == ALONE for found in findings):
        return span
    others = {key: value for key, value in span.attributes.items() if key not in OF_A_CALL}
    return span._replace(attributes={**others, **expected})


def _check_totals(spans: Mapping[Key, Span], places: Mapping[Key, Place], report: Report) -> None:
    for trace in verify_totals(spans).values():
        report.totals += trace.checked
        report.differences.extend(
            Difference(places[found.key], found.attribute, found.found, found.expected, TOTAL)
            for found in trace.differences
        )
        for key, number in trace.incomplete:
            calls = f"{number} {'call' if number == 1 else 'calls'}"
            report.unverified.append(Unverified(places[key], f"its totals cover {calls} that the files do not contain"))


def _with_its_own_parent(span: Span, original: Span) -> Span:
    """Return *span* as a local root if it has `llm.trace_*` attributes or no parent."""
    is_root = original.parent_id is None or any(name in span.attributes for name in TRACE)
    return span._replace(is_local_root=is_root)


def _ours(attributes: Attributes) -> dict[str, object]:
    return {key: value for key, value in attributes.items() if key.startswith("llm.")}


def _place(carried: Carried) -> Place:
    span = carried.span
    return Place(f"{span.trace_id:032x}", f"{span.span_id:016x}", span.name, span.start_ns)
