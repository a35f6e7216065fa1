# SPDX-License-Identifier: Apache-2.0
"""Totals of the spans above calls, added up again from the calls in hand by the same ledger.

A process passes totals up to its local root in the order in which spans end; `enrich` and the Collector have the spans
of all services in hand and take children first. Which of them wrote a trace it does not say, so the way that explains
it best is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose
from typing import NamedTuple

from spancost.core import semconv as names
from spancost.core.call import UNPRICED, Call, Cost
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.writes import Written
from spancost.core.span import Attributes, AttributeValue, Span
from spancost.diagnose.verify.calls import Said
from spancost.store.enrich import in_order

Key = tuple[int, int]
"""Trace id and span id."""

SUBTREE = (
    names.LLM_SUBTREE_COST_USD,
    names.LLM_SUBTREE_INPUT_TOKENS,
    names.LLM_SUBTREE_OUTPUT_TOKENS,
    names.LLM_SUBTREE_REQUESTS,
    names.LLM_SUBTREE_UNPRICED_REQUESTS,
)
TRACE = (
    names.LLM_TRACE_COST_USD,
    names.LLM_TRACE_COST_NANOUSD,
    names.LLM_TRACE_INPUT_TOKENS,
    names.LLM_TRACE_OUTPUT_TOKENS,
    names.LLM_TRACE_REQUESTS,
    names.LLM_TRACE_COST_COMPLETE,
)
_COUNTS = (names.LLM_SUBTREE_REQUESTS, names.LLM_TRACE_REQUESTS)
_AS_GOOD = 1e-14
"""Relative: a double of USD tells every femto-dollar up to 4.5 USD only, and sums are made of such doubles here."""

_TOLD_EXACTLY = 4_500_000_000


class _TraversalOrder(NamedTuple):
    joins_services: bool
    children_first: bool


WAYS = (
    _TraversalOrder(True, True),
    _TraversalOrder(False, False),
    _TraversalOrder(False, True),
    _TraversalOrder(True, False),
)


class _NoPrices:
    """Stands in for prices: the spans carry their costs already."""

    version = ""

    def price(self, call: Call) -> Cost:
        """Return that no cost can be said."""
        return Cost(UNPRICED, None, None)


class TotalFinding(NamedTuple):
    """A total that is not the sum of what is beneath; found or expected is None where it is absent."""

    key: Key
    attribute: str
    found: AttributeValue | None
    expected: AttributeValue | None


class TraceTotals(NamedTuple):
    """What there is to say of the totals of one trace.

    checked: spans with totals. differences: in the order of the spans. lacking: spans whose totals cover more calls
    than are beneath them in hand, with how many those are.
    """

    checked: int
    differences: list[TotalFinding]
    lacking: list[tuple[Key, int]]


def verify_totals(spans: Mapping[Key, Span]) -> dict[int, TraceTotals]:
    """Return the findings by trace; *spans* carry the attributes of calls as they ought to be.

    A span is a local root when it says so by `is_local_root`: verification takes those that carry `llm.trace_*`, and
    those without a parent.
    """
    by_trace: dict[int, dict[Key, Span]] = {}
    for key, span in spans.items():
        if not _has_totals(span.attributes) and names.LLM_COST_STATUS not in span.attributes:
            span = span._replace(attributes={})
        by_trace.setdefault(key[0], {})[key] = span
    return {trace: _best(family) for trace, family in by_trace.items()}


def _best(family: Mapping[Key, Span]) -> TraceTotals:
    """Return the findings of one trace by the way that leaves the fewest."""
    checked = sum(_has_totals(span.attributes) for span in family.values())
    best: TraceTotals | None = None
    for way in WAYS if checked else ():
        found = list(_findings(family, _added_up(family, way)))
        lacking = {f.key: _missing(f) for f in found if _missing(f) > 0}
        # A total that covers spans which are not in hand cannot be judged, in whole.
        differences = [f for f in found if f.key not in lacking]
        this = TraceTotals(checked, differences, list(lacking.items()))
        if best is None or len(differences) + len(lacking) < len(best.differences) + len(best.lacking):
            best = this
        if not found:
            break
    return best or TraceTotals(0, [], [])


def _added_up(family: Mapping[Key, Span], way: _TraversalOrder) -> dict[Key, Written]:
    size = len(family) + 1
    options = LedgerOptions(join_services=way.joins_services, open_spans=size, closed_spans=size)
    ledger = Ledger(Said(), _NoPrices(), options)
    keys = in_order(dict(family))
    if not way.children_first:
        keys.sort(key=lambda key: family[key].end_ns)
    return {key: ledger.end(family[key]).writes for key in keys}


def _findings(family: Mapping[Key, Span], expected: Mapping[Key, Written]) -> Iterator[TotalFinding]:
    for key, span in family.items():
        found, sums = span.attributes, expected[key]
        for group in (SUBTREE, TRACE):
            # A Collector writes totals on some spans only; a root without any, in a trace that has some, lacks them.
            if any(name in found for name in group) or (group is TRACE and span.is_local_root):
                for name in group:
                    if not _is_same(name, found.get(name), sums.get(name)):
                        yield TotalFinding(key, name, found.get(name), sums.get(name))


def _missing(finding: TotalFinding) -> int:
    """Return how many calls the total covers beyond those in hand."""
    if finding.attribute not in _COUNTS or not isinstance(finding.found, int):
        return 0
    return finding.found - (finding.expected if isinstance(finding.expected, int) else 0)


def _is_same(name: str, found: AttributeValue | None, expected: AttributeValue | None) -> bool:
    if found == expected and found.__class__ is expected.__class__:
        return True
    if isinstance(found, float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=_AS_GOOD)
    if name == names.LLM_TRACE_COST_NANOUSD and isinstance(found, int) and isinstance(expected, int):
        return abs(found - expected) <= expected * _AS_GOOD + (expected > _TOLD_EXACTLY)
    return False


def _has_totals(attributes: Attributes) -> bool:
    return any(name in attributes for name in (*SUBTREE, *TRACE))
