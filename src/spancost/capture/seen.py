# SPDX-License-Identifier: Apache-2.0
"""What is read many times and counts once: the calls of a batch, the model passes of a stored response."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from spancost.core.call import Quantity
from spancost.core.generational import GenerationalCache
from spancost.core.wire.batch import BatchCall
from spancost.core.wire.match import BATCH_JOB, Target
from spancost.core.wire.reading import ADMIN, WireReading

_KEPT = 131_072
_RESPONSES_KEPT = 8_192
_JOBS_KEPT = 1_024


class Seen:
    """What was counted lately in this process, as hashes: batch calls and passes, responses that can be read again.

    And the models of batch jobs by the id of the job.
    """

    def __init__(self) -> None:
        self._recent: GenerationalCache[int, bool] = GenerationalCache(_KEPT)
        self._responses: GenerationalCache[int, bool] = GenerationalCache(_RESPONSES_KEPT)
        self._jobs: GenerationalCache[str, str] = GenerationalCache(_JOBS_KEPT)

    def is_new_response(self, host: str, reading: WireReading) -> bool:
        """Tell whether the response of a call was not counted yet, and note it."""
        if not reading.response_id or not reading.usage:
            return True
        return _note(self._responses, (host, reading.response_id, _figures(reading.usage)))

    def is_new_call(self, host: str, target: Target, place: int, call: BatchCall) -> bool:
        """Tell whether a call of a batch was not counted yet, and note it; place: its number in the body."""
        reading = call.reading
        # Without an id and a key, only the place in one and the same file distinguishes two calls.
        identity: Hashable = (reading.response_id, call.key)
        if not (reading.response_id or call.key):
            identity = (target.asked, place)
        return _note(self._recent, (host, identity, _figures(reading.usage)))

    def is_new_pass(self, host: str, number: int, reading: WireReading) -> bool:
        """Tell whether a pass beside the call of *reading* was not counted yet; number: which of its passes it is."""
        if not reading.response_id:
            return True
        further = reading.additional_usage[number]
        return _note(self._recent, (host, reading.response_id, further.kind, number, _figures(further.usage)))

    def note_job(self, reading: WireReading) -> None:
        """Note the model of a batch job that an answer names, for results that name none; the id ends its name."""
        model = reading.response_model or reading.request_model
        if reading.outcome == ADMIN and reading.response_id and model:
            self._jobs.set(reading.response_id.rpartition("/")[2], model)

    def with_job_model(self, facts: Mapping[str, Any], target: Target) -> Mapping[str, Any]:
        """Return the facts of a request for results, with the model of the job that their path names, if known."""
        model = self._jobs.get(target.path.get(BATCH_JOB, ""))
        return facts if model is None or facts.get("model") else {**facts, "model": model}


def _note(recent: GenerationalCache[int, bool], key: Hashable) -> bool:
    mark = hash(key)
    is_new = mark not in recent
    recent.set(mark, True)
    return is_new


def _figures(usage: Mapping[str, Quantity]) -> Hashable:
    return tuple(sorted(usage.items()))
