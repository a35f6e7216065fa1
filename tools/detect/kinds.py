# SPDX-License-Identifier: Apache-2.0
"""Made-up sessions of other kinds of work than a coding agent's, all without a fault."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import TypeAlias

from tools.detect.sessions import Turn

Step: TypeAlias = "tuple[float, float, float]"
"""Growth of the context, output, and seconds to the next call."""
_MODEL = "claude-haiku-4-5"


def conversation(steps: Iterable[Step], size: float = 5_000) -> list[Turn]:
    """Return a session whose context grows by *steps*."""
    at, turns = 1.79e9, [Turn(1.79e9 - 5, _MODEL, round(size), 0, 0, 100)]
    for growth, output, seconds in steps:
        size += max(1.0, growth)
        turns.append(Turn(at, _MODEL, round(size), 0, 0, max(1, round(output))))
        at += seconds
    return turns


def around(chance: random.Random, middle: float, spread: float) -> float:
    """Return a number whose logarithm is normal; *spread* is its standard deviation."""
    return chance.lognormvariate(math.log(middle), spread)


def similar_documents(chance: random.Random, spread: float = 0.3) -> list[Turn]:
    """One conversation works on documents of about the same size."""
    return conversation(
        (around(chance, 1500, spread), around(chance, 200, spread), around(chance, 6, spread)) for _ in range(60)
    )


def alike_documents(chance: random.Random) -> list[Turn]:
    """The same, and the documents differ by an eighth."""
    return similar_documents(chance, 0.12)


def requests_of_a_batch(chance: random.Random) -> list[Turn]:
    """Requests without a context, one after another, of similar size."""
    return [
        Turn(1.79e9 + 4.0 * number, _MODEL, round(around(chance, 3000, 0.15)), 0, 0, round(around(chance, 120, 0.2)))
        for number in range(60)
    ]


def fan_outs(chance: random.Random) -> list[Turn]:
    """Rounds of twelve requests at once and one that takes their answers together."""
    turns = []
    for round_number in range(5):
        begin = 1.79e9 + 60.0 * round_number
        turns += [
            Turn(begin + 0.05 * number, _MODEL, round(around(chance, 2500, 0.1)), 0, 0, round(around(chance, 150, 0.2)))
            for number in range(12)
        ]
        turns.append(Turn(begin + 30, _MODEL, round(around(chance, 3200, 0.1)), 0, 0, round(around(chance, 400, 0.2))))
    return turns


def small_outputs(chance: random.Random) -> list[Turn]:
    """A subordinate agent whose outputs are reported as a token or two, at a steady pace."""
    return conversation(
        (around(chance, 900, 0.8), chance.choice((1, 1, 1, 2, 3)), around(chance, 2.6, 0.15)) for _ in range(40)
    )


def rounds_of_work(chance: random.Random) -> list[Turn]:
    """An agent that edits, tests and reads in rounds, which resemble each other within a factor of 1.6."""
    steps = [(around(chance, 400, 1.2), around(chance, 40, 1.5), around(chance, 6, 0.8)) for _ in range(10)]
    length = chance.choice((2, 3))
    cycle = [(around(chance, 500, 1), around(chance, 120, 1), around(chance, 8, 0.7)) for _ in range(length)]
    for number in range(30):
        growth, output, seconds = cycle[number % length]
        steps.append((around(chance, growth, 0.45), around(chance, output, 0.45), around(chance, seconds, 0.45)))
    return conversation(steps, 20_000)


def phases(chance: random.Random) -> list[Turn]:
    """An agent whose work changes its character every ten calls or so."""
    steps: list[Step] = []
    for _ in range(8):
        growth, output, seconds = around(chance, 500, 1), around(chance, 60, 1.4), around(chance, 6, 0.7)
        spread = chance.uniform(0.4, 0.8)
        for _ in range(chance.randrange(5, 15)):
            steps.append(
                (around(chance, growth, spread), around(chance, output, spread), around(chance, seconds, spread))
            )
    return conversation(steps, 20_000)


def chat(chance: random.Random) -> list[Turn]:
    """A person and an assistant."""
    return conversation(
        ((around(chance, 400, 0.7), around(chance, 250, 0.7), around(chance, 40, 1)) for _ in range(30)), 800
    )


def polling(chance: random.Random) -> list[Turn]:
    """An agent that asks a tool every half a minute whether something is ready, in one context."""
    return conversation(((chance.gauss(150, 3), chance.gauss(40, 3), chance.gauss(31, 0.5)) for _ in range(30)), 3_000)


KINDS: dict[str, Callable[[random.Random], list[Turn]]] = {
    each.__name__: each
    for each in (
        similar_documents, alike_documents, requests_of_a_batch, fan_outs, small_outputs, rounds_of_work, phases, chat,
        polling,
    )
}  # fmt: skip
