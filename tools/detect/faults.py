# SPDX-License-Identifier: Apache-2.0
"""Faults put into sessions: the calls before them stay, what follows is the fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from tools.detect.sessions import Turn

Noise: TypeAlias = "Callable[[float], float]"


class Fault(NamedTuple):
    """A session with a fault that begins with the call at *first*."""

    turns: list[Turn]
    first: int


def noise(chance: random.Random, share: float, form: str) -> Noise:
    """Return what changes a number by up to *share* (uniform), or by that standard deviation (normal)."""
    if not share:
        return lambda value: value
    if form == "uniform":
        return lambda value: value * (1 + chance.uniform(-share, share))
    return lambda value: max(value * 0.1, value * (1 + chance.gauss(0, share)))


def retry(turns: list[Turn], first: int, calls: int, vary: Noise) -> Fault:
    """The call before *first* is sent again and again; its output and the time between vary."""
    made = turns[:first]
    last = made[-1]
    step = max(1.0, made[-1].at_seconds - made[-2].at_seconds) if len(made) > 1 else 5.0
    for _ in range(calls):
        output = max(1, round(vary(last.output)))
        at = made[-1].at_seconds + vary(min(step, 60.0))
        made.append(last._replace(at_seconds=at, output=output, cache_read=last.input - 3, cache_write=0))
    return Fault(made, first)


def loop(turns: list[Turn], first: int, calls: int, vary: Noise, cycle: list[tuple[int, int, float]]) -> Fault:
    """A *cycle* of (growth, output, seconds) repeats."""
    made = turns[:first]
    for number in range(calls):
        growth, output, seconds = cycle[number % len(cycle)]
        last = made[-1]
        size = last.input + max(1, round(vary(growth)))
        at = last.at_seconds + max(0.2, vary(seconds))
        made.append(Turn(at, last.model, size, last.input - 3, size - last.input, max(1, round(vary(output)))))
    return Fault(made, first)


def cold(turns: list[Turn], first: int, calls: int, vary: Noise) -> Fault:
    """The session goes on, and nothing of its context is read from the cache."""
    made = list(turns[: first + calls])
    for index in range(first, len(made)):
        at = made[index - 1].at_seconds + min(100.0, max(1.0, turns[index].at_seconds - turns[index - 1].at_seconds))
        read = max(0, round(turns[index].input * 0.1 * (vary(1.0) - 0.9)))
        made[index] = made[index]._replace(at_seconds=at, cache_read=read, cache_write=made[index].input - read)
    return Fault(made, first)


def steps(turns: list[Turn], first: int, period: int) -> list[tuple[int, int, float]] | None:
    """Return growth, output and seconds of *period* real calls from *first* on; None when the context shrinks there."""
    found = []
    for index in range(first, first + period):
        if index >= len(turns) or turns[index].input <= turns[index - 1].input:
            return None
        seconds = min(120.0, turns[index].at_seconds - turns[index - 1].at_seconds)
        found.append((turns[index].input - turns[index - 1].input, turns[index].output, seconds))
    return found


def injected(
    sessions: Mapping[str, list[Turn]], kind: str, vary: Noise, chance: random.Random, calls: int = 8
) -> Fault:
    """Return one session, chosen by chance, with a fault of *kind*.

    Kinds: retry; cache; loop1, loop2, loop3 (a pattern that the session has not shown before), again1, again2, again3
    (the last calls again). What a pattern is made of are real calls of the same session.
    """
    names = sorted(name for name, turns in sessions.items() if len(turns) >= 9)
    while True:
        turns = sessions[chance.choice(names)]
        first = chance.randrange(6, len(turns))
        if kind == "retry":
            return retry(turns, first, calls, vary)
        if kind == "cache":
            warm = turns[first - 4 : first + calls]
            if len({turn.model for turn in warm}) == 1 and len(warm) == calls + 4 and is_warm(warm[:4]):
                return cold(turns, first, calls, vary)
            continue
        period = int(kind[-1])
        start = first - period if kind.startswith("again") else chance.randrange(1, len(turns))
        cycle = steps(turns, start, period)
        if cycle is not None:
            return loop(turns, first, calls, vary, cycle)


def is_warm(turns: list[Turn]) -> bool:
    """Return whether all but the first of *turns* read most of their context from the cache."""
    return all(
        turn.cache_read > 0.8 * min(turn.input, before.input) and 0 < turn.at_seconds - before.at_seconds < 250
        for before, turn in pairwise(turns)
    )
