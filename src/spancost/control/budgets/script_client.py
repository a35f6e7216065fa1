# SPDX-License-Identifier: Apache-2.0
"""Runs the scripts on a server of Valkey or Redis, with short timeouts, no retries, and a breaker."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from inspect import signature
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from spancost.config.budgets import BudgetError

LOGGER = logging.getLogger("spancost")
TIMEOUT_SECONDS = 0.034
"""To connect, and for each answer: with the breaker, what an outage adds to the calls under way."""
CHECK_SECONDS = 0.01
"""For the answer to a ping after a script got none in time: a server that answers it is slow, not away."""
PROBE_SECONDS = 0.5
"""For the answer to a probe, which no call waits for."""
_MOST_TRIES = 40
_STARVED = 1.5
_SCHEMES = {"valkey": "valkey", "valkeys": "valkey", "redis": "redis", "rediss": "redis"}
_ERRORS = {"valkey": "ValkeyError", "redis": "RedisError"}


class StoreError(Exception):
    """The server cannot be reached, does not answer in time, or refuses; the text has no address.

    was_sent: whether the server may have done what was asked.
    """

    def __init__(self, what: str, was_sent: bool = True) -> None:
        super().__init__(what)
        self.was_sent = was_sent


class ScriptClient:
    """A server. Once it fails, every call fails at once until `probe` finds it again.

    A script that gets no answer in time is sent again, with the same id, while the server answers other threads.

    is_open: whether the breaker is open. failures: how often the server failed. slow: how often it only was slow.
    """

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(address)
        name = _SCHEMES.get(parts.scheme)
        if name is None:
            raise BudgetError(f"budget_store: found the scheme {parts.scheme!r}; expected one of {', '.join(_SCHEMES)}")
        self._driver = _driver(name)
        # Either library takes the address of either server; each has its own schemes only.
        scheme = self._driver.__name__ + ("s" if parts.scheme in ("valkeys", "rediss") else "")
        self._address = urlunsplit((scheme, parts.netloc, parts.path, "", ""))
        self._timeout = timeout_seconds
        self._errors = (getattr(self._driver, _ERRORS[self._driver.__name__]), OSError)
        self.is_open = False
        self.failures = 0
        self.slow = 0
        self._answered_at = 0.0
        self._lock = threading.Lock()
        self._hashes: dict[str, str] = {}
        self._client = self._connected(timeout_seconds)
        self._prober = self._connected(PROBE_SECONDS)
        self._checker = self._connected(CHECK_SECONDS)

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str]) -> list[str]:
        """Return what *script* answers; StoreError at once while the breaker is open."""
        if self.is_open:
            raise StoreError("open", was_sent=False)
        name = self._hashes.get(script)
        if name is None:
            name = self._hashes[script] = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        for _ in range(_MOST_TRIES):
            sent_at = time.monotonic()
            try:
                try:
                    found: list[str] = self._client.evalsha(name, len(keys), *keys, *arguments)
                except self._driver.exceptions.NoScriptError:
                    found = self._client.eval(script, len(keys), *keys, *arguments)
            except self._errors as error:
                if isinstance(error, self._driver.exceptions.TimeoutError) and self._is_only_slow(sent_at):
                    self.slow += 1
                    continue
                self._failed(error)
                raise StoreError(type(error).__name__) from None
            self._answered_at = time.monotonic()
            return found
        raise StoreError("slow")

    def _is_only_slow(self, sent_at: float) -> bool:
        """Tell whether the server answered another thread meanwhile, or this process was not run in time itself.

        Else it is asked once more.
        """
        if self._answered_at > sent_at or time.monotonic() - sent_at > _STARVED * self._timeout:
            return True
        try:
            self._checker.ping()
        except self._errors:
            return False
        self._answered_at = time.monotonic()
        return True

    def probe(self) -> bool:
        """Try the server, and close the breaker when it answers."""
        try:
            self._prober.ping()
        except self._errors:
            return False
        if self.is_open:
            LOGGER.warning("spancost: the store of budgets answers again")
        self.is_open = False
        return True

    def hashes(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield every hash under *prefix* with its fields; StoreError when the server fails."""
        try:
            for key in self._client.scan_iter(match=f"{prefix}:*", count=1_000, _type="HASH"):
                yield key, self._client.hgetall(key)
        except self._errors as error:
            raise StoreError(type(error).__name__) from None

    def close(self) -> None:
        """Close the connections."""
        for client in (self._client, self._prober, self._checker):
            client.close()

    def after_fork(self) -> None:
        """Take connections and a lock of the child's own."""
        self._lock = threading.Lock()
        self._client = self._connected(self._timeout)
        self._prober = self._connected(PROBE_SECONDS)
        self._checker = self._connected(CHECK_SECONDS)

    def _connected(self, seconds: float) -> Any:
        """Return a client with a pool of its own; nothing is sent yet, and a connection begins without a greeting."""
        name = self._driver.__name__
        retry = import_module(f"{name}.retry").Retry
        no_backoff = import_module(f"{name}.backoff").NoBackoff
        try:
            return self._driver.from_url(
                self._address,
                socket_connect_timeout=seconds,
                socket_timeout=seconds,
                retry=retry(no_backoff(), 0),
                health_check_interval=0,
                decode_responses=True,
                protocol=2,
                **_no_greeting(import_module(f"{name}.connection").AbstractConnection),
            )
        except ValueError as error:
            raise BudgetError(
                f"budget_store: found no valid address ({error}); expected SCHEME://HOST:PORT/DB"
            ) from None

    def _failed(self, error: BaseException) -> None:
        with self._lock:
            self.failures += 1
            if self.is_open:
                return
            self.is_open = True
        LOGGER.warning(
            "spancost: the store of budgets failed (%s); on_store_failure decides until it answers",
            type(error).__name__,
        )


def _driver(name: str) -> Any:
    """Return the client library *name*, else the other: either speaks to both servers."""
    for each in (name, *(other for other in _ERRORS if other != name)):
        try:
            return import_module(each)
        except ModuleNotFoundError:
            continue
    raise BudgetError(
        f"budget_store: found no client library; expected the {name} extra: pip install 'spancost[{name}]'"
    )


def _no_greeting(connection: type) -> dict[str, Any]:
    """Return the options with which a new connection does not tell its library: one answer less to wait for."""
    known = signature(connection).parameters
    return {"driver_info": None} if "driver_info" in known else {"lib_name": None, "lib_version": None}
