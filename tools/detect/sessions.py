# SPDX-License-Identifier: Apache-2.0
"""Sessions of agents as records of calls: read from a file without content, or made up in the shape of real ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from spancost.config import data
from spancost.core.call import Call, Quantity
from spancost.core.record import CallRecord

NS = 10**9


class Turn(NamedTuple):
    """One call of a session: when it began, its model, and its tokens (input includes what the cache gave or took)."""

    at_seconds: float
    model: str
    input: int
    cache_read: int
    cache_write: int
    output: int
    error: str | None = None


def read(path: Path) -> dict[str, list[Turn]]:
    """Return the sessions of a JSON Lines file, one call a line.

    Each line holds session, ts (RFC 3339), model, input_tokens, cache_read, cache_write and output_tokens.
    """
    sessions: dict[str, list[Turn]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        at = datetime.fromisoformat(row["ts"].replace("Z", "+00:00")).timestamp()
        turn = Turn(
            at, row["model"], row["input_tokens"], row["cache_read"], row["cache_write"], row["output_tokens"],
            row.get("error"),
        )  # fmt: skip
        sessions.setdefault(row["session"], []).append(turn)
    return sessions


def made_up(number: int, seed: int) -> dict[str, list[Turn]]:
    """Return sessions in the shape of real ones: contexts grow by log-normal steps, are cached and compacted."""
    chance = random.Random(seed)
    sessions = {}
    for index in range(number):
        at, size, cached, turns = 1.79e9 + index * 7200.0, chance.randrange(11_000, 28_000), 0, []
        model = chance.choice(("claude-opus-4-6", "claude-sonnet-4-5", "claude-haiku-4-5"))
        for _ in range(chance.choice((12, 40, 140, 200))):
            output = 1 + round(chance.lognormvariate(4.0, 1.9)) if chance.random() < 0.8 else 1
            turns.append(Turn(at, model, size, cached, size - cached - 3, output))
            cached = size - 3
            at += 2 + chance.lognormvariate(1.4, 0.9) + output / 60
            if chance.random() < 0.006:
                at += chance.randrange(600, 9000)
                cached = 0
            size += 100 + round(chance.lognormvariate(5.9, 1.3)) + output
            if size > 165_000:
                size, cached = chance.randrange(30_000, 46_000), 21_500
        sessions[f"made-{index}"] = turns
    return sessions


def records(session: str, turns: Iterable[Turn], provider: str = "anthropic") -> list[CallRecord]:
    """Return the records of a session, priced by the bundled card; a call takes 60 % of the time to the next one."""
    pricer = data.default_pricer()
    turns = list(turns)
    made = []
    for index, turn in enumerate(turns):
        usage: Mapping[str, Quantity] = {
            "input_tokens": turn.input,
            "cache_read_tokens": turn.cache_read,
            "cache_write_tokens": turn.cache_write,
            "output_tokens": turn.output,
        }
        at_ns = round(turn.at_seconds * NS)
        until = turns[index + 1].at_seconds if index + 1 < len(turns) else turn.at_seconds + 5
        seconds = min(60.0, max(0.1, 0.6 * (until - turn.at_seconds)))
        cost = pricer.price(Call(provider, turn.model, usage, at_ns))
        made.append(
            CallRecord(
                trace_id=int.from_bytes(session.encode()[-12:], "big") + 1, span_id=index + 1, parent_id=None,
                start_ns=at_ns, duration_ns=round(seconds * NS), service="agent", session_id=session,
                provider=provider, model=turn.model, operation="chat", tier=None, usage=usage,
                cost_femto=cost.femto, list_cost_femto=cost.list_femto, status=cost.status, reason=cost.reason,
                source=cost.source, pricing_version=pricer.version, rate_id=cost.rate_id, tags={}, error=turn.error,
                finish_reason=None, prompt_name=None, prompt_version=None, outcome=None, time_to_first_token_ns=None,
            )
        )  # fmt: skip
    return made
