# SPDX-License-Identifier: Apache-2.0
"""Reads the answers inside a batch body as one call each. This file knows no provider."""

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
"""Service tier of batch calls, as the rate card names it."""


class BatchCall(NamedTuple):
    """A call of a batch: its key in the batch ("" when it has none) and the reading of its answer."""

    key: str
    reading: WireReading


def calls_of(
    wires: Wires, target: Target, provider: str | None, batch: Batch, document: Json, asked: str | None
) -> list[BatchCall]:
    """Return the calls whose answers *document* contains. A failed request is left out: it is not billed.

    asked: the model that is known of the batch when neither the document nor an answer names one.
    """
    found = []
    model = (text(batch.model(document)) if batch.model else None) or asked
    for row in _rows(batch, document):
        answer = batch.answer(row) if batch.answer else row
        if isinstance(answer, dict):
            call_reading = _read(wires, target, provider, batch, answer, model)
            if call_reading is not None and call_reading.outcome in (outcomes.USAGE, outcomes.NO_USAGE):
                key = text(batch.key(row)) if batch.key else None
                found.append(BatchCall(key or "", call_reading))
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
    call_reading = reading(wires, one, shape, slots, Answer(200, provider, target.gateway, complete=True, parsed=True))
    return call_reading._replace(sold_tier=BATCH)
