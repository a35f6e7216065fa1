# SPDX-License-Identifier: Apache-2.0
"""The calls of a batch: each answer that lies in a body is read as that of a call. This file knows no provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spancost.core.wire import reading as outcomes
from spancost.core.wire.match import Target, Wires
from spancost.core.wire.path import Json
from spancost.core.wire.reading import WireReading
from spancost.core.wire.result import Answer, reading, text
from spancost.core.wire.shape import Batch, Slots

BATCH = "batch"
"""The tier of the calls of a batch, in the rate card's word."""


class BatchCall(NamedTuple):
    """A call of a batch: what names it there ("" for nothing), and what its answer says."""

    key: str
    reading: WireReading


def calls_of(wires: Wires, target: Target, provider: str | None, batch: Batch, document: Json) -> list[BatchCall]:
    """Return the calls whose answers *document* holds; a request that failed is none: it is not billed."""
    found = []
    model = text(batch.model(document)) if batch.model else None
    for row in _rows(batch, document):
        answer = batch.answer(row) if batch.answer else row
        if isinstance(answer, dict):
            told = _read(wires, target, provider, batch, answer, model)
            if told is not None and told.outcome in (outcomes.USAGE, outcomes.NO_USAGE):
                key = text(batch.key(row)) if batch.key else None
                found.append(BatchCall(key or "", told))
    return found


def _rows(batch: Batch, document: Json) -> Sequence[Json]:
    if not batch.rows:
        return (document,)
    return next((rows for path in batch.rows if (rows := path(document))), ())


def _read(
    wires: Wires, target: Target, provider: str | None, batch: Batch, answer: dict[str, Json], model: str | None
) -> WireReading | None:
    name = next((name for test, name in batch.shapes if test is None or test(answer)), None)
    if name is None:
        return None
    shape = wires.shapes[target.use.get(name, name)]
    slots: Slots = {"headers": {}, "request": {"model": model} if model else {}, "path": {}}
    answer["$event"] = ""
    for rule in shape.rules:
        if rule.test is None or rule.test(answer):
            for value in rule.get(answer):
                rule.keep(slots, rule.slot, value)
    one = target._replace(kind="call", operation=target.operation or wires.operations.get(name), path={})
    told = reading(wires, one, shape, slots, Answer(200, provider, target.gateway, complete=True, parsed=True))
    return told._replace(sold_tier=BATCH)
