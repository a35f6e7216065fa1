# SPDX-License-Identifier: Apache-2.0
"""What is kept of a service and of each of its features."""

from __future__ import annotations

from typing import NamedTuple

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.bounds import Bounds
from spancost.core.detect.history import CHEAP, SMALL, History
from spancost.core.detect.rule import Rules
from spancost.core.detect.seasonal import DAYS, HOURS, Seasonal


class ModelUse:
    """Calls, cost and tokens of one model of a feature."""

    __slots__ = ("calls", "cost_femto", "first_ns", "others", "span_ids", "tokens")

    def __init__(self, first_ns: int) -> None:
        self.calls = self.tokens = self.others = 0
        self.cost_femto = 0
        self.first_ns = first_ns
        self.span_ids: list[int] = []


class Window(NamedTuple):
    """Where a window of calls began: the time, and the sums of the feature by then."""

    start_ns: int
    number: int
    input: int
    cached: int
    cost_femto: int


class Feature:
    """One feature of a service, or what the service does for none. `name` is how texts call it.

    number, cost_femto, cached, input, output: sums over all calls. added: number, cost and tokens that `models` hold;
    the calls since are of `model`. quiet_femto: cost up to which nothing can happen in the hour that begins at hour_ns.
    """

    __slots__ = (
        "added", "bounds", "cached", "calls", "cost", "cost_femto", "day", "episodes", "fan", "hour", "hour_ns",
        "input", "minute", "model", "models", "name", "number", "output", "quiet_femto", "rules", "shares", "traces",
        "unpriced", "unpriced_window", "use", "window", "window_end",
    )  # fmt: skip

    def __init__(self, name: str, rules: Rules) -> None:
        self.name = name
        self.rules = rules
        self.bounds = Bounds(rules)
        self.traces = 0
        self.calls, self.fan = History(SMALL), History(SMALL)
        self.cost, self.minute = History(CHEAP), History(CHEAP)
        self.number = 0
        self.model: str | None = None
        self.models: dict[str | None, ModelUse] = {}
        self.use = ModelUse(0)
        self.hour, self.day = Seasonal(HOURS), Seasonal(DAYS)
        self.unpriced = self.unpriced_window = 0
        self.cached = self.input = self.output = 0
        self.cost_femto = 0
        self.hour_ns, self.quiet_femto = 0, -1
        self.added = (0, 0, 0)
        self.shares: list[int] = []
        self.episodes: dict[str, Episode] = {}
        self.begin_window(0, rules.cache_lost.window_calls)

    def begin_window(self, now_ns: int, calls: int) -> None:
        """Begin a window of *calls* calls."""
        self.window = Window(now_ns, self.number, self.input, self.cached, self.cost_femto)
        self.window_end = self.number + calls


class Service:
    """One service: its features by name, None for calls without one, and what it spent with a feature.

    gone_calls, gone_femto: calls without a feature, and their cost, that are not in the sums under None any more.
    """

    __slots__ = (
        "episode", "features", "first_ns", "gone_calls", "gone_femto", "name", "span_ids", "tagged_femto",
    )  # fmt: skip

    def __init__(self, name: str | None) -> None:
        self.name = name or "an unnamed service"
        self.features: dict[str | None, Feature] = {}
        self.tagged_femto = self.gone_calls = self.gone_femto = 0
        self.first_ns = 0
        self.span_ids: list[int] = []
        self.episode: Episode | None = None

    def feature(self, name: str | None, rules: Rules) -> Feature:
        """Return the state of a feature that is not among `features`; the oldest goes when there are many."""
        if len(self.features) >= rules.limits.features:
            oldest = next(iter(self.features))
            gone = self.features.pop(oldest)
            if oldest is None:
                self.gone_calls += gone.number
                self.gone_femto += gone.cost_femto
        found = self.features[name] = Feature(name if name is not None else self.name, rules)
        return found
