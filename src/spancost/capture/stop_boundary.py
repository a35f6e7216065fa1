# SPDX-License-Identifier: Apache-2.0
"""Lets a `CallStopped` pass through clients that catch every exception of their HTTP library, wrap it and try again.

Inside such a client's own entry, the stop travels as a `BaseException`, which these clients do not catch. The entry
that the application called raises it as it is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from spancost.capture.patching import Patches
from spancost.control.guards import CallStopped

_STAINLESS = (("SyncAPIClient", "request"), ("AsyncAPIClient", "request"))
_LITELLM = tuple(("", f"{way}{name}") for name in ("completion", "text_completion", "embedding") for way in ("", "a"))
ENTRIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "openai._base_client": _STAINLESS,
    "anthropic._base_client": _STAINLESS,
    "groq._base_client": _STAINLESS,
    "cerebras.cloud.sdk._base_client": _STAINLESS,
    "together._base_client": _STAINLESS,
    "litellm.main": _LITELLM,
    "litellm.router": tuple(("Router", name) for _, name in _LITELLM),
    "litellm.router_rust.core": tuple(("RustCore", name) for _, name in _LITELLM),
    "litellm": (*_LITELLM, ("", "responses"), ("", "aresponses")),
}
"""Module -> (class, method) through which all its calls go; "" for functions of the module. All of them retry, or turn
exceptions into their own: anthropic 2.12, openai before 3, groq 0.37, together 1.5, litellm 1.110."""

_is_inside: ContextVar[bool] = ContextVar("spancost_inside_entry", default=False)


class _Signal(BaseException):
    """A stop on its way to the entry."""

    def __init__(self, stop: CallStopped) -> None:
        super().__init__()
        self.stop = stop


def raised(stop: CallStopped) -> BaseException:
    """Return what is raised for *stop* here."""
    return _Signal(stop) if _is_inside.get() else stop


def install(module: ModuleType, patches: Patches) -> None:
    """Wrap the entries of *module* that it has."""
    for kind, name in ENTRIES[module.__name__]:
        owner: Any = getattr(module, kind, None) if kind else module
        if owner is not None and inspect.isroutine(vars(owner).get(name)):
            patches.replace(owner, name, _entry)


def _entry(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return *original* that raises stops as they are; what it returns to be awaited does so too."""

    @functools.wraps(original)
    def entry(*args: Any, **kwargs: Any) -> Any:
        if _is_inside.get():
            return original(*args, **kwargs)
        token = _is_inside.set(True)
        try:
            result = original(*args, **kwargs)
        except _Signal as signal:
            raise signal.stop from None
        finally:
            _is_inside.reset(token)
        return _awaited(result) if inspect.iscoroutine(result) else result

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def entry_async(*args: Any, **kwargs: Any) -> Any:
            return await entry(*args, **kwargs)

        return entry_async
    return entry


async def _awaited(coroutine: Any) -> Any:
    token = _is_inside.set(True)
    try:
        return await coroutine
    except _Signal as signal:
        raise signal.stop from None
    finally:
        _is_inside.reset(token)
