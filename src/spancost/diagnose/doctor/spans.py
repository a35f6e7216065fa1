# SPDX-License-Identifier: Apache-2.0
"""Findings about spans: emitters, calls reported twice, uncertain prices with reasons, leaked baggage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.span import Attributes, Span
from spancost.diagnose.doctor.dialect_trace import CALL_PREFIXES, DialectTrace, ReadingSource
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding
from spancost.diagnose.doctor.fixes import fix, meaning
from spancost.diagnose.doctor.instrumentations import of_scopes
from spancost.diagnose.doctor.unreported import host_of, unreported
from spancost.diagnose.format_count import format_count
from spancost.diagnose.stated_costs import StatedCosts, stated_costs
from spancost.store.enrich import in_order, joined
from spancost.store.otlp_json import Carried

REPORTERS = "Emitters of model calls"
TWICE = "Reported more than once, counted once"
PRICES = "Unpriced or uncertain"
STATED = "Costs that others state"
LEAKS = "Baggage"
DRIFT = Fraction(1, 100)
"""Share of our cost by which a stated cost may differ before it gives a warning."""
_SURE = frozenset((status.PRICED, status.FREE, status.NOT_BILLED, status.DUPLICATE, status.AGGREGATE))
_HEADER = "http.request.header.baggage"
_MOST_KEYS = 4
_COUNTED = ("call", status.DUPLICATE, status.AGGREGATE)


@dataclass
class _Emitter:
    """The spans of one scope and version."""

    spans: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    sources: Counter[ReadingSource] = field(default_factory=Counter)


@dataclass
class _Seen:
    emitters: dict[tuple[str, str], _Emitter] = field(default_factory=lambda: defaultdict(_Emitter))
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaks: Counter[str] = field(default_factory=Counter)
    calls: dict[tuple[int, int], bool] = field(default_factory=dict)
    spans: int = 0


def inspect_spans(
    carried: Iterable[Carried],
    ledger: Ledger,
    dialects: Dialects,
    trace: DialectTrace,
    is_provider: Callable[[str], bool],
) -> Iterator[Finding]:
    """Yield the findings about *carried* spans, with or without costs."""
    copies: dict[tuple[int, int], list[Carried]] = defaultdict(list)
    for each in carried:
        copies[each.span.trace_id, each.span.span_id].append(each)
    spans = joined(copies)
    keys = in_order(spans)
    written: dict[tuple[int, int], Attributes] = {}
    for key in keys:
        written[key] = {**spans[key].attributes, **ledger.end(spans[key]).writes}
    by_id = {f"{span.span_id & (1 << 64) - 1:016x}": span.scope_name for span in spans.values()}
    seen = _Seen(spans=len(spans))
    for key, span in spans.items():
        _see(span, written[key], by_id, dialects, trace, seen)
        _see_baggage(span.attributes, is_provider, seen)
    yield from _reporters(seen)
    yield from _twice(seen)
    yield from _prices(seen)
    yield from _stated(stated_costs(((span, written[key]) for key, span in spans.items()), dialects))
    yield from unreported(spans.values(), seen.calls, is_provider)
    yield from of_scopes(seen.emitters)
    yield from _leaks(seen)


def _see(
    span: Span, attributes: Attributes, by_id: Mapping[str, str], dialects: Dialects, trace: DialectTrace, seen: _Seen
) -> None:
    found = attributes.get(names.LLM_COST_STATUS)
    reading = dialects.read(span)
    if reading is None and found is None:
        keys = sorted(
            key for key in span.attributes if key.startswith(CALL_PREFIXES) and not key.startswith("llm.trace_")
        )
        if keys and names.LLM_SUBTREE_REQUESTS not in attributes:
            seen.unread[_name_of(span), keys[0]] += 1
        return
    emitter = seen.emitters[span.scope_name or "(no scope)", span.scope_version]
    emitter.spans += 1
    seen.calls[span.trace_id, span.span_id] = True
    if reading is not None:
        emitter.sources[trace.source_of(span, reading)] += 1
    emitter.roles[_role(found)] += 1
    reason = str(attributes.get(names.LLM_COST_REASON, ""))
    if found in (status.DUPLICATE, status.AGGREGATE):
        other = by_id.get(str(attributes.get(names.LLM_DUPLICATE_OF, "")), "child calls")
        seen.pairs[_name_of(span), other, reason] += 1
    elif found is not None and found not in _SURE:
        provider, model = (str(attributes.get(key, "")) for key in (names.LLM_PROVIDER, names.LLM_MODEL))
        seen.reasons[str(found), reason, provider, model, _name_of(span)] += 1


def _role(found: object) -> str:
    if found is None:
        return "failed or without usage"
    return str(found) if found in (status.DUPLICATE, status.AGGREGATE) else "call"


def _see_baggage(attributes: Attributes, is_provider: Callable[[str], bool], seen: _Seen) -> None:
    """Record a baggage header that was sent to a model provider."""
    if _HEADER in attributes:
        host = host_of(attributes)
        if is_provider(host):
            seen.leaks[host] += 1


def _name_of(span: Span) -> str:
    return span.scope_name or "(no scope)"


def _reporters(seen: _Seen) -> Iterator[Finding]:
    if not seen.emitters:
        yield Finding(
            REPORTERS,
            PROBLEM,
            f"None of {format_count(seen.spans, 'span')} reports a model call in a known dialect."
            if seen.spans
            else "There are no spans.",
            "Enable an instrumentation of the client, or spancost's capture (see docs/dialects.md).",
            {"spans": seen.spans},
        )
    for (scope, version), emitter in sorted(seen.emitters.items()):
        yield _reporter(scope, version, emitter)
    for (scope, key), number in seen.unread.most_common():
        yield Finding(
            REPORTERS,
            NOTE,
            f"{scope}: {format_count(number, 'span')} with attributes such as {key}, but no call that a dialect reads",
            "If these are model calls, please report the scope and its attribute names.",
            {"scope": scope, "spans": number, "attribute": key},
        )


def _reporter(scope: str, version: str, emitter: _Emitter) -> Finding:
    counts = sorted(emitter.roles.items())
    roles = ", ".join(format_count(number, role) if role in _COUNTED else f"{number} {role}" for role, number in counts)
    dialects = sorted({source.dialect for source in emitter.sources})
    keys = list(dict.fromkeys(key for source in emitter.sources for key in source.keys))
    rules = list(dict.fromkeys(rule for source in emitter.sources for rule in source.rules))
    name = f"{scope} {version}".rstrip()
    lines = [f"{name}: {format_count(emitter.spans, 'span')} ({roles}), read as {'/'.join(dialects) or 'llm.* only'}"]
    if keys:
        more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
        lines.append(f"  keys: {', '.join(keys[:_MOST_KEYS])}{more}")
    lines += [f"  rule: {rule}" for rule in rules]
    facts = {"scope": scope, "version": version, "spans": emitter.spans, "roles": dict(emitter.roles)}
    return Finding(REPORTERS, FINE, "\n".join(lines), "", {**facts, "dialects": dialects, "keys": keys, "rules": rules})


def _twice(seen: _Seen) -> Iterator[Finding]:
    for (scope, other, reason), number in seen.pairs.most_common():
        same = scope == other
        yield Finding(
            TWICE,
            FINE,
            f"{scope} repeats {'itself' if same else other}: {format_count(number, 'span')} ({reason})",
            "" if same or other == "child calls" else "To get one span per call, disable one of the two.",
            {"scope": scope, "repeats": other, "reason": reason, "spans": number},
        )


def _prices(seen: _Seen) -> Iterator[Finding]:
    for (found, reason, provider, model, scope), number in seen.reasons.most_common():
        yield Finding(
            PRICES,
            PROBLEM if found == status.UNPRICED else NOTE,
            f"{model or 'no model'} at {provider or 'no provider'}: {format_count(number, 'call')} {found} ({reason}), "
            f"reported by {scope}. {meaning(reason)}",
            fix(reason, provider, model),
            {"status": found, "reason": reason, "provider": provider, "model": model, "scope": scope, "calls": number},
        )


def _stated(found: Iterable[StatedCosts]) -> Iterator[Finding]:
    for stated in found:
        is_far = stated.compared > 0 and abs(stated.theirs - stated.ours) > stated.ours * DRIFT
        yield Finding(
            STATED,
            NOTE if is_far else FINE,
            stated.text(),
            "Compare the rates: `spancost explain` shows ours with its source." if is_far else "",
            stated.facts(),
        )


def _leaks(seen: _Seen) -> Iterator[Finding]:
    for host, number in seen.leaks.most_common():
        yield Finding(
            LEAKS,
            PROBLEM,
            f"{format_count(number, 'request')} to {host} sent a baggage header to a model provider.",
            "Set SPANCOST_BAGGAGE=send, which withholds it from providers, or remove baggage from OTEL_PROPAGATORS.",
            {"host": host, "requests": number},
        )
