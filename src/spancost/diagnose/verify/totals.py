# SPDX-License-Identifier: Apache-2.0
"""Recomputes the totals of the spans above calls with the same ledger.

A process adds totals up to its local root in the order in which spans end. `enrich` and the Collector see the spans of
all services and process children first. A trace does not record which of them wrote it, so the traversal order with the
fewest differences is used.
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
from spancost.diagnose.verify.calls import FixedReading
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
_TOLERANCE = 1e-14
"""Relative. A double in USD is exact to the femto-dollar only up to 4.5 USD, and sums add such doubles."""

_EXACT_UP_TO_NANOUSD = 4_500_000_000


class _TraversalOrder(NamedTuple):
    joins_services: bool
    children_first: bool


TRAVERSAL_ORDERS = (
    _TraversalOrder(True, True),
    _TraversalOrder(False, False),
    _TraversalOrder(False, True),
    _TraversalOrder(True, False),
)


class _NoPrices:
    """Replaces the pricer: the spans already have costs."""

    version = ""

    def price(self, call: Call) -> Cost:
        """Return an unknown cost."""
        return Cost(UNPRICED, None, None)


class TotalFinding(NamedTuple):
    """A total that differs from the sum of its subtree; None means absent."""

    key: Key
    attribute: str
    found: AttributeValue | None
    expected: AttributeValue | None


class TraceTotals(NamedTuple):
    """The findings about the totals of one trace.

    checked: number of spans with totals. differences: in the order of the spans. incomplete: spans whose totals cover
    more calls than the given spans contain, with the number of missing calls.
    """

    checked: int
    differences: list[TotalFinding]
    incomplete: list[tuple[Key, int]]


def verify_totals(spans: Mapping[Key, Span]) -> dict[int, TraceTotals]:
    """Return the findings by trace; *spans* have the expected attributes of calls.

    A span is a local root when `is_local_root` is set: it has `llm.trace_*` or no parent.
    """
    by_trace: dict[int, dict[Key, Span]] = {}
    for key, span in spans.items():
        if not _has_totals(span.attributes) and names.LLM_COST_STATUS not in span.attributes:
            span = span._replace(attributes={})
        by_trace.setdefault(key[0], {})[key] = span
    return {trace: _best(family) for trace, family in by_trace.items()}


def _best(family: Mapping[Key, Span]) -> TraceTotals:
    """Return the findings of one trace for the traversal order with the fewest."""
    checked = sum(_has_totals(span.attributes) for span in family.values())
    best: TraceTotals | None = None
    for order in TRAVERSAL_ORDERS if checked else ():
        found = list(_findings(family, _sums(family, order)))
        incomplete = {f.key: _missing(f) for f in found if _missing(f) > 0}
        # The totals of a span that cover missing spans cannot be verified.
        differences = [f for f in found if f.key not in incomplete]
        this = TraceTotals(checked, differences, list(incomplete.items()))
        if best is None or len(differences) + len(incomplete) < len(best.differences) + len(best.incomplete):
            best = this
        if not found:
            break
    return best or TraceTotals(0, [], [])


def _sums(family: Mapping[Key, Span], order: _TraversalOrder) -> dict[Key, Written]:
    size = len(family) + 1
    options = LedgerOptions(join_services=order.joins_services, open_spans=size, closed_spans=size)
    ledger = Ledger(FixedReading(), _NoPrices(), options)
    keys = in_order(dict(family))
    if not order.children_first:
        keys.sort(key=lambda key: family[key].end_ns)
    return {key: ledger.end(family[key]).writes for key in keys}


def _findings(family: Mapping[Key, Span], expected: Mapping[Key, Written]) -> Iterator[TotalFinding]:
    for key, span in family.items():
        found, sums = span.attributes, expected[key]
        for group in (SUBTREE, TRACE):
            # A Collector writes totals on some spans only. In a trace with totals, a root without them is a difference.
            if any(name in found for name in group) or (group is TRACE and span.is_local_root):
                for name in group:
                    if not _is_same(name, found.get(name), sums.get(name)):
                        yield TotalFinding(key, name, found.get(name), sums.get(name))


def _missing(finding: TotalFinding) -> int:
    """Return how many calls the total covers beyond the given ones."""
    if finding.attribute not in _COUNTS or not isinstance(finding.found, int):
        return 0
    return finding.found - (finding.expected if isinstance(finding.expected, int) else 0)


def _is_same(name: str, found: AttributeValue | None, expected: AttributeValue | None) -> bool:
    if found == expected and found.__class__ is expected.__class__:
        return True
    if isinstance(found, float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=_TOLERANCE)
    if name == names.LLM_TRACE_COST_NANOUSD and isinstance(found, int) and isinstance(expected, int):
        return abs(found - expected) <= expected * _TOLERANCE + (expected > _EXACT_UP_TO_NANOUSD)
    return False


def _has_totals(attributes: Attributes) -> bool:
    return any(name in attributes for name in (*SUBTREE, *TRACE))
