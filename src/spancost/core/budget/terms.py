# SPDX-License-Identifier: Apache-2.0
"""What of a budget is the same for every call: worked out once, so that a call adds its key and its amount only."""

from __future__ import annotations

from functools import partial

from spancost.core.budget.limit import WARN, Limit, account_of
from spancost.core.budget.periods import BRIEF, Part

_new_part = partial(tuple.__new__, Part)  # a third of the time of Part(...)


class Terms:
    """One budget. has_match: whether it is about some calls only. is_for_all: whether all its calls share one account.

    tells: whether anything is said while it is used up.
    """

    __slots__ = ("_account", "_rest", "_window", "has_match", "id", "is_for_all", "limit", "tells")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.id = limit.id
        self.has_match = bool(limit.match)
        self.is_for_all = not limit.per and limit.window.kind not in BRIEF
        self.tells = bool(limit.warn_at) or limit.at_limit == WARN
        self._account = account_of(limit, "")
        self._window = limit.window
        self._rest = (limit.femto, limit.may_cross, limit.at_limit != WARN, limit.on_store_failure)

    def part(self, key: str, amount: int) -> Part:
        """Return what a call under *key* (`value_key`) asks for, in femto-dollars."""
        return _new_part((self._account + key if key else self._account, self._window, amount, *self._rest))
