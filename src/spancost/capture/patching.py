# SPDX-License-Identifier: Apache-2.0
"""Methods replaced for a while: each is put back as it was; libraries are waited for until somebody imports them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt


class Patches:
    """The replacements of one `instrument()`; `restore` puts everything back, and nothing is replaced after it."""

    def __init__(self, on_error: Callable[[str, BaseException], None]) -> None:
        """on_error: called when a replacement fails, with the name of the library."""
        self._restores: list[Callable[[], None]] = []
        self._is_over = False
        self._on_error = on_error

    def when_imported(self, name: str, install: Callable[[ModuleType], None]) -> None:
        """Call *install* with the module *name*: now when it is imported already, else as soon as it is."""

        def ready(module: ModuleType) -> None:
            if self._is_over:
                return
            try:
                install(module)
            except Exception as error:
                self._on_error(name, error)

        wrapt.register_post_import_hook(ready, name)

    def replace(self, owner: type | ModuleType, name: str, make: Callable[[Any], Any]) -> None:
        """Replace the method or function *name* of *owner* by `make(original)`, once."""
        original = owner.__dict__[name]
        # Whoever wrapped our replacement may carry its mark, also when our `instrument()` is over.
        earlier = getattr(original, "_spancost_capture", None)
        if isinstance(earlier, Patches) and not earlier._is_over:
            return
        replacement = make(original)
        replacement._spancost_capture = self
        setattr(owner, name, replacement)

        def put_back() -> None:
            # Whoever wrapped it after us keeps what it holds.
            if owner.__dict__.get(name) is replacement:
                setattr(owner, name, original)

        self._restores.append(put_back)

    def restore(self) -> None:
        """Put back what was replaced, the last first."""
        self._is_over = True
        while self._restores:
            self._restores.pop()()
