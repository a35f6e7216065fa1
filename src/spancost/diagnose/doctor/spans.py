# SPDX-License-Identifier: Apache-2.0
"""What is in somebody's spans: who reports, what is reported twice, what has no sure price and why, what leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.span import Attributes, Span
from spancost.diagnose.doctor.dialect_trace import WORDS, DialectTrace, Look
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding
from spancost.diagnose.doctor.fixes import fix, meaning
from spancost.diagnose.doctor.instrumentations import of_scopes
from spancost.diagnose.doctor.unreported import host_of, unreported
from spancost.diagnose.format_count import counted
from spancost.store.enrich import in_order, joined
from spancost.store.otlp_json import Carried

REPORTERS = "Who reports model calls"
TWICE = "Counted once, reported more than once"
PRICES = "Without a sure price"
LEAKS = "Baggage"
_SURE = frozenset((status.PRICED, status.FREE, status.NOT_BILLED, status.DUPLICATE, status.AGGREGATE))
_HEADER = "http.request.header.baggage"
_MOST_KEYS = 4
_COUNTED = ("call", status.DUPLICATE, status.AGGREGATE)


@dataclass
class _Emitter:
    """What one scope, at one version, was seen to do."""

    spans: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    looks: Counter[Look] = field(default_factory=Counter)


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
    lens: DialectTrace,
    is_provider: Callable[[str], bool],
) -> Iterator[Finding]:
    """Yield what there is to say of the spans in hand, priced or not yet."""
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
        _see(span, written[key], by_id, dialects, lens, seen)
        _see_baggage(span.attributes, is_provider, seen)
    yield from _reporters(seen)
    yield from _twice(seen)
    yield from _prices(seen)
    yield from unreported(spans.values(), seen.calls, is_provider)
    yield from of_scopes(seen.emitters)
    yield from _leaks(seen)


def _see(
    span: Span, attributes: Attributes, by_id: Mapping[str, str], dialects: Dialects, lens: DialectTrace, seen: _Seen
) -> None:
    said = attributes.get(names.LLM_COST_STATUS)
    reading = dialects.read(span)
    if reading is None and said is None:
        words = sorted(key for key in span.attributes if key.startswith(WORDS) and not key.startswith("llm.trace_"))
        if words and names.LLM_SUBTREE_REQUESTS not in attributes:
            seen.unread[_name_of(span), words[0]] += 1
        return
    emitter = seen.emitters[span.scope_name or "(no scope)", span.scope_version]
    emitter.spans += 1
    seen.calls[span.trace_id, span.span_id] = True
    if reading is not None:
        emitter.looks[lens.look(span, reading)] += 1
    emitter.roles[_role(said)] += 1
    reason = str(attributes.get(names.LLM_COST_REASON, ""))
    if said in (status.DUPLICATE, status.AGGREGATE):
        other = by_id.get(str(attributes.get(names.LLM_DUPLICATE_OF, "")), "the calls beneath")
        seen.pairs[_name_of(span), other, reason] += 1
    elif said is not None and said not in _SURE:
        keys = (names.LLM_PROVIDER, names.LLM_MODEL)
        provider, model = (str(attributes.get(key, "")) for key in keys)
        seen.reasons[str(said), reason, provider, model, _name_of(span)] += 1


def _role(said: object) -> str:
    if said is None:
        return "failed or silent"
    return str(said) if said in (status.DUPLICATE, status.AGGREGATE) else "call"


def _see_baggage(attributes: Attributes, is_provider: Callable[[str], bool], seen: _Seen) -> None:
    """Note a baggage header that an HTTP instrumentation recorded on its way to a model provider."""
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
            f"None of {counted(seen.spans, 'span')} speaks of a model call in words that a dialect knows."
            if seen.spans
            else "There is no span to look at.",
            "Switch on an instrumentation of the client, or spancost's own capture (see docs/dialects.md).",
            {"spans": seen.spans},
        )
    for (scope, version), emitter in sorted(seen.emitters.items()):
        yield _reporter(scope, version, emitter)
    for (scope, word), number in seen.unread.most_common():
        yield Finding(
            REPORTERS,
            NOTE,
            f"{scope}: {counted(number, 'span')} with words such as {word}, and nothing that tells of a call",
            "If these are model calls, please report the scope and the names of its attributes.",
            {"scope": scope, "spans": number, "attribute": word},
        )


def _reporter(scope: str, version: str, emitter: _Emitter) -> Finding:
    counts = sorted(emitter.roles.items())
    roles = ", ".join(counted(number, role) if role in _COUNTED else f"{number} {role}" for role, number in counts)
    dialects = sorted({look.dialect for look in emitter.looks})
    keys = list(dict.fromkeys(key for look in emitter.looks for key in look.keys))
    rules = list(dict.fromkeys(rule for look in emitter.looks for rule in look.rules))
    name = f"{scope} {version}".rstrip()
    lines = [f"{name}: {counted(emitter.spans, 'span')} ({roles}), read as {'/'.join(dialects) or 'llm.* alone'}"]
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
            f"{scope} repeats {'itself' if same else other}: {counted(number, 'span')} ({reason})",
            "" if same or other == "the calls beneath" else "To have one span a call, switch one of the two off.",
            {"scope": scope, "repeats": other, "reason": reason, "spans": number},
        )


def _prices(seen: _Seen) -> Iterator[Finding]:
    for (said, reason, provider, model, scope), number in seen.reasons.most_common():
        yield Finding(
            PRICES,
            PROBLEM if said == status.UNPRICED else NOTE,
            f"{model or 'no model'} at {provider or 'no provider'}: {counted(number, 'call')} {said} ({reason}), "
            f"reported by {scope}. {meaning(reason)}",
            fix(reason, provider, model),
            {"status": said, "reason": reason, "provider": provider, "model": model, "scope": scope, "calls": number},
        )


def _leaks(seen: _Seen) -> Iterator[Finding]:
    for host, number in seen.leaks.most_common():
        yield Finding(
            LEAKS,
            PROBLEM,
            f"{counted(number, 'request')} to {host} carried a baggage header to a model provider.",
            "Set SPANCOST_BAGGAGE=send, which withholds it from providers, or take baggage out of OTEL_PROPAGATORS.",
            {"host": host, "requests": number},
        )
