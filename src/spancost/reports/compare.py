# SPDX-License-Identifier: Apache-2.0
"""Arms of an experiment side by side: what a trace costs, whether it succeeds, and how sure the difference is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.core.analysis.arms import Arm, Comparison, Method, Unit, arm_of, compare
from spancost.core.analysis.means import Interval
from spancost.core.money import femto_from_text, usd_decimal
from spancost.reports import expressions
from spancost.reports.ask import ask
from spancost.reports.selection import QuestionError, Selection
from spancost.reports.spend import range_of
from spancost.store.calls import Engine

_NANO = Decimal(1).scaleb(-9)


class Design(NamedTuple):
    """How an experiment was set up.

    Attributes:
        arm: column whose values are the arms.
        cluster: column of what was assigned to an arm; None for each trace alone.
        pair: column of the item that every arm worked on, None for none.
        successes: outcomes that count as success.
        score: name of the score to compare, None for the only one there is.
    """

    arm: str
    cluster: str | None
    pair: str | None
    successes: tuple[str, ...]
    score: str | None


class Trace(NamedTuple):
    """Outcome and scores of one trace."""

    outcome: str | None
    scores: Mapping[str, float]


def arms_of(engine: Engine, selection: Selection, design: Design) -> dict[str, list[Unit]]:
    """Return the units of each arm; QuestionError when several scores exist and none is chosen."""
    by = [design.arm, "trace_id", *(column for column in (design.cluster, design.pair) if column)]
    grouped = selection._replace(by=tuple(by), names=tuple(by))
    traces = _traces(engine)
    score = _score_name(traces, design.score)
    highest = _highest_rate(engine, selection)
    found: dict[str, list[Unit]] = {}
    for row in ask(engine, grouped, expressions.UNITS):
        keys, (calls, unpriced, cost, unpriced_tokens) = row[: len(by)], row[len(by) :]
        arm, trace_id, *rest = keys
        if arm is None:
            continue
        cluster = rest.pop(0) if design.cluster else None
        trace = traces.get(trace_id, Trace(None, {}))
        femto = 0 if cost is None else femto_from_text(str(cost))
        found.setdefault(arm, []).append(
            Unit(
                trace_id if cluster is None else cluster,
                femto,
                femto + round(int(unpriced_tokens or 0) * highest),
                int(calls),
                int(unpriced or 0),
                None if trace.outcome is None else trace.outcome in design.successes,
                trace.scores.get(score) if score else None,
                rest[0] if rest else None,
            )
        )
    return found


def has_calls(engine: Engine) -> bool:
    """Return whether the source has any call."""
    return range_of(engine, Selection()) is not None


def before_of(engine: Engine, selection: Selection, design: Design) -> dict[str, float]:
    """Return cluster -> log of what its mean trace cost before the first call of any arm; empty without clusters."""
    if design.cluster is None:
        return {}
    by = (design.arm, design.cluster, "trace_id")
    costs: dict[str, list[float]] = {}
    outside = selection._replace(by=by, names=by, where={**selection.where, design.arm: (None,)})
    for _, cluster, _, _, _, cost, _ in ask(engine, outside, expressions.UNITS):
        if cluster is not None and cost:
            costs.setdefault(cluster, []).append(float(cost))
    return {cluster: math.log(math.fsum(held) / len(held)) for cluster, held in costs.items()}


def compared(units: Mapping[str, Sequence[Unit]], control: str, method: Method) -> dict[str, Comparison]:
    """Return each other arm against *control*; QuestionError when there is no such arm, or no other."""
    if control not in units:
        raise QuestionError(
            f"--control: found no arm {control!r}; expected one of {', '.join(sorted(units)) or 'none'}"
        )
    others = sorted(set(units) - {control})
    if not others:
        raise QuestionError(f"--by: found only the arm {control!r}; expected another one to compare it with")
    return {arm: compare(units[arm], units[control], method) for arm in others}


def arm_json(name: str, arm: Arm, control: str) -> dict[str, Any]:
    """Return the row of an arm."""
    per_success = Fraction(arm.cost_femto, arm.successes) if arm.successes else None
    return {
        "arm": name,
        "is_control": name == control,
        "traces": arm.traces,
        "clusters": arm.clusters,
        "calls": arm.calls,
        "unpriced_calls": arm.unpriced,
        "cost_usd": usd_decimal(arm.cost_femto),
        "highest_cost_usd": usd_decimal(arm.highest_femto),
        "mean_usd": _decimal(arm.mean_usd),
        "p50_usd": usd_decimal(arm.p50_femto),
        "p95_usd": usd_decimal(arm.p95_femto),
        "outcomes": arm.outcomes,
        "successes": arm.successes,
        "success_rate": _decimal(arm.success_rate),
        "cost_per_success_usd": None if per_success is None else usd_decimal(round(per_success)),
        "scores": arm.scores,
        "score_mean": _decimal(arm.score_mean),
    }


def comparison_json(name: str, control: str, found: Comparison, method: Method) -> dict[str, Any]:
    """Return the row of a comparison; an end of an interval that the data cannot bound is null."""
    return {
        "treatment": name,
        "control": control,
        "difference_usd": _decimal(found.difference_usd),
        **_ends("difference", found.difference, "_usd"),
        "ratio": _decimal(found.ratio),
        **_ends("ratio", found.ratio_interval),
        **_ends("success_difference", found.success),
        **_ends("score_difference", found.score),
        **_ends("cost_per_success_ratio", found.cost_per_success),
        "level": method.level,
        "method": "paired" if found.pairs else "cuped" if method.before else "clustered",
        "always_valid": method.always_valid,
        "pairs": found.pairs,
        "few_clusters": found.few_clusters,
        "cost_verdict": found.cost_verdict,
        "quality_verdict": found.quality_verdict,
    }


def summaries(units: Mapping[str, Sequence[Unit]], control: str) -> Iterator[tuple[str, Arm]]:
    """Yield the summary of each arm, the control first."""
    for name in sorted(units, key=lambda name: (name != control, name)):
        yield name, arm_of(units[name])


def _ends(name: str, interval: Interval | None, unit: str = "") -> dict[str, Decimal | None]:
    low, high = (None, None) if interval is None else interval
    return {f"{name}_low{unit}": _decimal(low), f"{name}_high{unit}": _decimal(high)}


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None or not math.isfinite(value) else Decimal(value).quantize(_NANO)


def _traces(engine: Engine) -> dict[str, Trace]:
    rows = engine.rows("SELECT trace_id, outcome, scores FROM traces")
    return {trace_id: Trace(outcome, dict(scores or {})) for trace_id, outcome, scores in rows}


def _score_name(traces: Mapping[str, Trace], asked: str | None) -> str | None:
    names = sorted({name for trace in traces.values() for name in trace.scores})
    if asked is not None:
        if asked not in names:
            raise QuestionError(f"--score: found no score {asked!r}; expected one of {', '.join(names) or 'none'}")
        return asked
    if len(names) > 1:
        raise QuestionError(f"--score: found {len(names)} scores; expected one of {', '.join(names)}")
    return names[0] if names else None


def _highest_rate(engine: Engine, selection: Selection) -> Fraction:
    """Return the highest mean rate of any model, in femto-dollars a token: what an unpriced token costs at most."""
    by = ("provider", "model")
    found = Fraction(0)
    for *_, cost, tokens in ask(engine, selection._replace(by=by, names=by), expressions.RATES):
        if cost and tokens:
            found = max(found, Fraction(femto_from_text(str(cost)), int(tokens)))
    return found
