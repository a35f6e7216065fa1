# SPDX-License-Identifier: Apache-2.0
"""The rules of the detectors as values, one class each; `semconv/detectors.yaml` says what each field is for.

The end of a name gives the unit: `_ns` nanoseconds, `_femto` 1e-15 USD, `_permille` thousandths; others are counts.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Table: TypeAlias = "tuple[tuple[int, int], ...]"
"""Bounds of a ratio in the units of `logarithm`, each with the points in hundredths that it gives."""


class Limits(NamedTuple):
    """Bounds of memory: how many of each are kept (at most twice as many); span ids that an anomaly holds."""

    sessions: int
    streams: int
    traces: int
    services: int
    features: int
    parents: int
    evidence: int


class RetryStorm(NamedTuple):
    """The same request again."""

    enabled: bool
    blocks: bool
    repeats: int
    other_repeats: int
    failures: int
    within_ns: int
    min_cost_femto: int
    failures_text: str
    text: str


class ToolLoop(NamedTuple):
    """A pattern of calls repeats in a context that grows. Ratios are in the units of `logarithm`."""

    enabled: bool
    blocks: bool
    alarm_points: tuple[int, ...]
    close_points: int
    close_ratio: int
    growth_ratio: int
    output_ratio: int
    near_growth_ratio: int
    near_pace_ratio: int
    known_calls: int
    unknown_points: int
    growth: Table
    output: Table
    pace: Table
    other_pace: int
    most_points: tuple[int, ...]
    least_points: int
    usual_growth: tuple[int, ...]
    usual_output: tuple[int, ...]
    usual_pace: tuple[int, ...]
    usual_points: int
    small_output_tokens: int
    small_output_permille: int
    min_cost_femto: int
    text: str


class CacheLost(NamedTuple):
    """A context is not read from the provider's cache any more."""

    enabled: bool
    blocks: bool
    calls: int
    warm_calls: int
    warm_permille: int
    cold_permille: int
    min_input_tokens: int
    ttl_ns: int
    long_ttl_ns: int
    min_cost_femto: int
    window_calls: int
    windows: int
    drop_permille: int
    feature_text: str
    text: str


class Runaway(NamedTuple):
    """A trace makes more calls, costs more or costs more in a minute than it may."""

    enabled: bool
    blocks: bool
    calls: int
    cost_femto: int
    minute_femto: int
    minute_calls: int
    times: int
    history_traces: int
    text: str


class ContextCreep(NamedTuple):
    """Most of what a context costs is that it is read again, and nothing compacts it."""

    enabled: bool
    blocks: bool
    reread_femto: int
    reread_permille: int
    min_input_tokens: int
    cached_weight: int
    written_weight: int
    output_weight: int
    text: str


class FanOut(NamedTuple):
    """Many calls at once under one span."""

    enabled: bool
    blocks: bool
    calls: int
    cost_femto: int
    times: int
    history_traces: int
    text: str


class ModelChanged(NamedTuple):
    """A feature moved to a model that costs more."""

    enabled: bool
    history_calls: int
    calls: int
    calls_permille: int
    cost_permille: int
    text: str


class SpendSpike(NamedTuple):
    """A feature spends much more than at this hour, or on this day, of past weeks."""

    enabled: bool
    weeks: int
    hour_femto: int
    hour_permille: int
    day_femto: int
    day_permille: int
    noise_times: int
    week_permille: int
    text: str


class UnpricedShare(NamedTuple):
    """Many calls of a feature have no cost."""

    enabled: bool
    calls: int
    window_calls: int
    calls_permille: int
    text: str


class UntaggedShare(NamedTuple):
    """Much of what a service spends is for no feature, though it names features."""

    enabled: bool
    calls: int
    cost_femto: int
    cost_permille: int
    text: str


class Rules(NamedTuple):
    """The rules in force for one feature."""

    limits: Limits
    retry_storm: RetryStorm
    tool_loop: ToolLoop
    cache_lost: CacheLost
    runaway: Runaway
    context_creep: ContextCreep
    fan_out: FanOut
    model_changed: ModelChanged
    spend_spike: SpendSpike
    unpriced_share: UnpricedShare
    untagged_share: UntaggedShare


KINDS = (
    Limits, RetryStorm, ToolLoop, CacheLost, Runaway, ContextCreep, FanOut, ModelChanged, SpendSpike, UnpricedShare,
    UntaggedShare,
)  # fmt: skip
"""Class of each field of `Rules`."""
