# SPDX-License-Identifier: Apache-2.0
"""What is read many times and counts once: the calls of a batch, the model passes of a stored response."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from spancost.core.call import Quantity
from spancost.core.generational import GenerationalCache
from spancost.core.wire.batch import BatchCall
from spancost.core.wire.match import Target
from spancost.core.wire.reading import WireReading

_KEPT = 131_072
_RESPONSES_KEPT = 8_192


class Seen:
    """What was counted lately in this process, as hashes: batch calls and passes, responses that can be read again."""

    def __init__(self) -> None:
        self._recent: GenerationalCache[int, bool] = GenerationalCache(_KEPT)
        self._responses: GenerationalCache[int, bool] = GenerationalCache(_RESPONSES_KEPT)

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


def _note(recent: GenerationalCache[int, bool], key: Hashable) -> bool:
    mark = hash(key)
    is_new = mark not in recent
    recent.set(mark, True)
    return is_new


def _figures(usage: Mapping[str, Quantity]) -> Hashable:
    return tuple(sorted(usage.items()))
