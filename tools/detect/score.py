#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Score the detectors on sessions: alarms on the sessions as they are, and delays on faults put into them.

python -m tools.detect.score sessions.jsonl [--episodes 200] [--seed 1] [--calls 5]
python -m tools.detect.score --made-up 40
python -m tools.detect.score --kinds 40

Delays are counted in calls of the fault, and for loops also from the first call that repeats one of the pattern.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from spancost.config import detectors as config
from spancost.core.detect.detectors import Detectors
from spancost.core.detect.rules import RuleSet
from tools.detect.faults import Fault, injected, noise
from tools.detect.kinds import KINDS as KINDS_OF_WORK
from tools.detect.sessions import Turn, made_up, read, records

KINDS = ("retry", "cache", "loop1", "loop2", "loop3", "again1", "again2", "again3")
NOISES = ((0.0, "uniform"), (0.02, "uniform"), (0.2, "uniform"), (0.2, "normal"))
LOOKED_AT = ("retry_storm", "tool_loop", "cache_lost")
WANTED = {"retry": "retry_storm", "cache": "cache_lost"}


def alarms(rules: RuleSet, session: str, turns: list[Turn]) -> list[tuple[int, str, str]]:
    """Return the position, rule and sentence of each alarm of a session."""
    detectors = Detectors(rules)
    found = []
    for index, record in enumerate(records(session, turns)):
        found += [(index, episode.rule, episode.anomaly().text) for episode in detectors.observe(record)]
    return found


def delay(rules: RuleSet, fault: Fault, rule: str) -> int | None:
    """Return with which call of a fault *rule* alarms, None when it does not."""
    found = [index for index, name, _ in alarms(rules, "fault", fault.turns) if name == rule and index >= fault.first]
    return found[0] - fault.first + 1 if found else None


def score(rules: RuleSet, sessions: Mapping[str, list[Turn]], episodes: int, seed: int, calls: int) -> None:
    """Print the table."""
    for kind in KINDS:
        for share, form in NOISES:
            chance = random.Random(f"{seed}{kind}{share}{form}")
            delays = [
                delay(
                    rules, injected(sessions, kind, noise(chance, share, form), chance), WANTED.get(kind, "tool_loop")
                )
                for _ in range(episodes)
            ]
            within = sum(each is not None and each <= calls for each in delays)
            again = calls + (int(kind[-1]) if kind.startswith("loop") else 0)
            repeated = sum(each is not None and each <= again for each in delays)
            known = sorted(each for each in delays if each is not None)
            median = known[len(known) // 2] if known else "-"
            print(
                f"{kind:7} noise {share:4.0%} {form:8} within {calls}: {within / episodes:6.1%}  "
                f"of repeating: {repeated / episodes:6.1%}  within 8: {len(known) / episodes:6.1%}  median {median}"
            )


def other_kinds(rules: RuleSet, number: int, seed: int) -> None:
    """Print the alarms on made-up sessions of other kinds of work."""
    for name, make in KINDS_OF_WORK.items():
        chance = random.Random(f"{seed}{name}")
        counts: Counter[str] = Counter()
        with_alarm = calls = 0
        for index in range(number):
            turns = make(chance)
            calls += len(turns)
            found = [rule for _, rule, _ in alarms(rules, f"{name}-{index}", turns) if rule in LOOKED_AT]
            counts.update(found)
            with_alarm += bool(found)
        print(f"{name:20} {number} sessions, {calls} calls; {with_alarm} sessions with alarms {dict(counts)}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", nargs="?", type=Path)
    parser.add_argument("--made-up", type=int, default=0)
    parser.add_argument("--kinds", type=int, default=0)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--rules", type=Path)
    given = parser.parse_args()
    if given.kinds:
        other_kinds(config.rules(given.rules), given.kinds, given.seed)
        return
    sessions = read(given.sessions) if given.sessions else made_up(given.made_up or 40, given.seed)
    rules = config.rules(given.rules)
    counts: Counter[str] = Counter()
    for name, turns in sessions.items():
        for index, rule, text in alarms(rules, name, turns):
            counts[rule] += 1
            print(f"clean: {name} call {index}: {rule}: {text}")
    number = sum(map(len, sessions.values()))
    print(f"clean: {len(sessions)} sessions, {number} calls, alarms {dict(counts)}")
    score(rules, sessions, given.episodes, given.seed, given.calls)


if __name__ == "__main__":
    main()
