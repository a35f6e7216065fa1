# SPDX-License-Identifier: Apache-2.0
"""What is read many times and counts once: the calls of a batch, the model passes of a stored response."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from spancost.core.call import Quantity
from spancost.core.recent import Recent
from spancost.core.wire.batch import BatchCall
from spancost.core.wire.match import Target
from spancost.core.wire.reading import WireReading

_KEPT = 131_072


class Seen:
    """The last calls and passes that were counted in this process, as hashes; at least `_KEPT` of them."""

    def __init__(self) -> None:
        self._recent: Recent[int, bool] = Recent(_KEPT)

    def is_new_call(self, host: str, target: Target, place: int, call: BatchCall) -> bool:
        """Tell whether a call of a batch was not counted yet, and note it; place: its number in the body."""
        told = call.reading
        # Without an id and a key, only the place in one and the same file tells two calls apart.
        identity: Hashable = (told.response_id, call.key)
        if not (told.response_id or call.key):
            identity = (target.asked, place)
        return self._note((host, identity, _figures(told.usage)))

    def is_new_pass(self, host: str, number: int, reading: WireReading) -> bool:
        """Tell whether a pass beside the call of *reading* was not counted yet; number: which of its passes it is."""
        if not reading.response_id:
            return True
        further = reading.further[number]
        return self._note((host, reading.response_id, further.kind, number, _figures(further.usage)))

    def _note(self, key: Hashable) -> bool:
        mark = hash(key)
        if mark in self._recent:
            self._recent.set(mark, True)
            return False
        self._recent.set(mark, True)
        return True


def _figures(usage: Mapping[str, Quantity]) -> Hashable:
    return tuple(sorted(usage.items()))
