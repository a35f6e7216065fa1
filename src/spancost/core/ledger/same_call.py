# SPDX-License-Identifier: Apache-2.0
"""Whether a span reports a call that another span, with no tree relation needed, reports: by response id, by tokens."""

from __future__ import annotations

from spancost.core.call import Quantity
from spancost.core.dialect.identity import Identity
from spancost.core.ledger.classification import (
    DUPLICATE,
    LOCAL_CACHE,
    OWN,
    SAME_CALL,
    SAME_RESPONSE,
    SAME_RESPONSE_DIFFERS,
    SAME_TOKENS,
    Classification,
    Descendants,
)
from spancost.core.ledger.memory import CACHED_NS, CountedCall, RecentCalls

SLACK_NS = 1_000_000
"""How long after the other's end a span of another emitter may begin and still be the same call: LlamaIndex ends the
span of a stream before the client's begins, 0.2 ms when it is read at once (llama-index-llms-openai, 2026-11-22)."""
CACHED_SHARE = 4
"""An answer from a cache takes at most a fourth of the time of the call that it repeats, and at most `CACHED_NS`."""
NEAR_TOKENS = 8
"""By how many tokens two emitters of one call may differ: OpenLLMetry counts the start of Anthropic's streams twice."""


def same_response(this: CountedCall, descendants: Descendants | None, memory: RecentCalls) -> Classification | None:
    """Judge a span by the counted calls that have its response id; None when none of them is the same call.

    An id that no provider issued is no identity, nor one that came with other tokens. In the trace, spans of one
    emitter must agree in tokens and be one another's parent or have the same times; those of another emitter must
    overlap, as must those of a detached one in other traces of the process. Across other traces provider, model and
    every token count that both report must agree, and the times fit. Two emitters of one process that disagree about
    the tokens only report one call all the same: counted once, and the difference is said.
    """
    response_id = this.response_id or ""
    known = memory.response(response_id)
    form = memory.identity.form(response_id) if known else None
    if form is None:
        return None
    reports = this.input is not None or this.output is not None
    others = [other for other in reversed(known) if not (reports and other.reported_meters == frozenset())]
    for other in others:
        if not (_agree(this, other) or _may_differ(this, other, memory) or _is_misreported(this, other)):
            memory.reuse(response_id, this.provider)
    if memory.is_reused(response_id, this.provider):
        return None
    differing = None
    for other in others:
        if _is_replay(this, other, descendants, memory):
            return Classification(OWN, LOCAL_CACHE, other)
        if not (form.is_stored or _overlap(this, other) or _is_descendant(other, descendants)):
            continue
        if _may_differ(this, other, memory):
            if _agree(this, other):
                return Classification(DUPLICATE, SAME_RESPONSE, other)
            reason = SAME_RESPONSE if _is_near(this, other) else SAME_RESPONSE_DIFFERS
            differing = differing or Classification(DUPLICATE, reason, other)
        elif other.trace_id != this.trace_id:
            if _agree(this, other):
                if _same_provider(this, other) and same_model(this, other):
                    return Classification(DUPLICATE, SAME_RESPONSE, other)
            else:
                differing = differing or Classification(DUPLICATE, SAME_RESPONSE_DIFFERS, other)
        elif not reports or form.is_stored or _is_descendant(other, descendants) or _coincide(this, other):
            return Classification(DUPLICATE, SAME_RESPONSE, other)
    return differing


def same_tokens(this: CountedCall, memory: RecentCalls) -> Classification | None:
    """Classify a span by calls of other emitters with its model and tokens at its time; None when there is none.

    In its trace, or in its process where data says that one of the two emitters writes into a trace of its own. Sure is
    only what is the one such call in its trace, of such emitters: in other traces tokens and times show no identity.
    """
    for others, is_elsewhere in ((memory.here(this), False), (memory.elsewhere(this), True)):
        found = [
            other
            for other in others
            if other.scope != this.scope
            and same_model(this, other)
            and _overlap(this, other)
            and not (is_elsewhere and not (_agree(this, other) and _same_provider(this, other)))
            and not are_two_exchanges(this, other)
            and not are_two_issued(this, other, memory)
            and not memory.is_claimed(other, this)
        ]
        if not found:
            continue
        # Whatever the order in which spans come, the same call is chosen.
        call = max(found, key=lambda other: (_has_its_id(this, other), other.end_ns, other.start_ns, other.span_id))
        memory.claim(call, this)
        is_sure = not is_elsewhere and len(found) == 1 and _may_report_in_parallel(this, call, memory.identity)
        return Classification(DUPLICATE, SAME_CALL if is_sure else SAME_TOKENS, call)
    return None


def _may_report_in_parallel(this: CountedCall, other: CountedCall, identity: Identity) -> bool:
    """Whether data says that one of two emitters of a trace reports calls that another reports too."""
    scopes = (this.scope, other.scope)
    if any(identity.is_detached(scope) for scope in scopes):
        return True
    return this.process == other.process and any(identity.is_beside(scope) for scope in scopes)


def are_two_exchanges(this: CountedCall, other: CountedCall) -> bool:
    """Whether capture saw both on the wire of one process: an exchange each, however alike they are."""
    return this.is_exchange and other.is_exchange and this.process == other.process


def _has_its_id(this: CountedCall, other: CountedCall) -> bool:
    return this.response_id is not None and this.response_id == other.response_id


def _may_differ(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Whether two spans with one response id may count tokens in their own ways: emitters of one trace, or detached."""
    if this.scope == other.scope or are_two_exchanges(this, other):
        return False
    if this.trace_id == other.trace_id:
        return True
    known = memory.identity.is_detached
    return this.process is not None and this.process == other.process and (known(this.scope) or known(other.scope))


def _is_misreported(this: CountedCall, other: CountedCall) -> bool:
    """Whether two emitters of one process report a call with one response id at one time, and differ in its tokens."""
    return (
        this.scope != other.scope
        and not are_two_exchanges(this, other)
        and this.process is not None
        and this.process == other.process
        and _overlap(this, other)
        and _same_provider(this, other)
        and same_model(this, other)
    )


def _is_replay(this: CountedCall, other: CountedCall, descendants: Descendants | None, memory: RecentCalls) -> bool:
    """Whether *this* is an answer from the application's own cache, which repeats *other* with its response id."""
    return (
        this.scope == other.scope
        and memory.identity.replays(this.scope)
        and this.start_ns > other.end_ns
        and _agree(this, other)
        and _same_provider(this, other)
        and same_model(this, other)
        and not _is_descendant(other, descendants)
    )


def may_be_cached(this: CountedCall, memory: RecentCalls) -> bool:
    """Return whether a call without an id has the tokens of an earlier one of its emitter, and took almost no time.

    Only of emitters that report answers from the application's own cache like calls.
    """
    took_ns = this.end_ns - this.start_ns
    if this.response_id is not None or took_ns > CACHED_NS or not memory.identity.replays(this.scope):
        return False
    return any(
        (other.scope == this.scope or memory.is_claimed(other, this))
        and other.end_ns < this.start_ns
        and took_ns * CACHED_SHARE <= other.end_ns - other.start_ns
        and _agree(this, other)
        and _same_provider(this, other)
        and same_model(this, other)
        for other in memory.alike(this)
    )


def _agree(this: CountedCall, other: CountedCall) -> bool:
    """Whether every token count that both report is the same."""
    pairs = ((this.input, other.input), (this.output, other.output), *zip(this.parts, other.parts, strict=True))
    return all(a is None or b is None or a == b for a, b in pairs)


def _is_near(this: CountedCall, other: CountedCall) -> bool:
    """Whether two emitters count a call alike but for what one does not know, and a few tokens (`NEAR_TOKENS`)."""
    return _differ_little(this.input, other.input) and _differ_little(this.output, other.output)


def _differ_little(a: Quantity | None, b: Quantity | None) -> bool:
    return a is None or b is None or -NEAR_TOKENS <= a - b <= NEAR_TOKENS


def _same_provider(this: CountedCall, other: CountedCall) -> bool:
    return not this.provider or not other.provider or this.provider == other.provider


def are_two_issued(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Return whether both have ids of one form that differ: then these are two calls, however alike they are."""
    if not this.response_id or not other.response_id or this.response_id == other.response_id:
        return False
    form = memory.identity.form(this.response_id)
    return form is not None and form == memory.identity.form(other.response_id)


def are_two_calls(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Return whether ids show that two spans, of which one is above the other, are two calls.

    Two emitters may report ids of their own: in two processes (a gateway), or ids that do not show who issued them.
    """
    if not are_two_issued(this, other, memory):
        return False
    form = memory.identity.form(this.response_id or "")
    is_apart = this.process is not None and other.process is not None and this.process != other.process
    return this.scope == other.scope or (form is not None and bool(form.prefix) and not is_apart)


def _is_descendant(other: CountedCall, descendants: Descendants | None) -> bool:
    return descendants is not None and any(
        other.span_id == call.span_id for call in (*descendants.calls, descendants.without_usage) if call
    )


def _coincide(this: CountedCall, other: CountedCall) -> bool:
    """Whether the spans begin and end together, allowing a difference of `SLACK_NS`."""
    return abs(this.start_ns - other.start_ns) <= SLACK_NS and abs(this.end_ns - other.end_ns) <= SLACK_NS


def same_model(this: CountedCall, other: CountedCall) -> bool:
    """Return whether both may be of one model: a name may be the beginning of the other, and one may name none."""
    if not this.models or not other.models or this.models & other.models:
        return True
    return any(a.startswith(b) or b.startswith(a) for a in this.models for b in other.models)


def _overlap(this: CountedCall, other: CountedCall) -> bool:
    """Whether the spans overlap, allowing a gap of `SLACK_NS`."""
    return this.start_ns <= other.end_ns + SLACK_NS and other.start_ns <= this.end_ns + SLACK_NS
