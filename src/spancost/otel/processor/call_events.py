# SPDX-License-Identifier: Apache-2.0
"""Hands `CallRecord`s and corrections to listeners, in order, in a thread of its own.

A span that ends only puts its record into a queue: no listener can block or raise into the application. The queue is
bounded; what does not fit is dropped and counted. `SimpleQueue` needs no lock that a signal handler, a finalizer or a
fork could find held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

from spancost.core.record import CallEvent
from spancost.otel.processor.diagnostics import ErrorCounter

LIMIT = 65_536
"""Events that wait at most: about 80 MB, and minutes of a busy service."""
PAUSE_SECONDS = 0.005
"""How long the thread rests when the queue is empty, so that busy services wake it 200 times a second at most."""

Listener: TypeAlias = "Callable[[CallEvent], object]"
_Item: TypeAlias = "CallEvent | SimpleQueue[bool] | None"


class CallEvents:
    """The listeners of one processor.

    dropped: events that found the queue full. has_listeners: whether anybody listens.
    """

    def __init__(self, errors: ErrorCounter, limit: int = LIMIT) -> None:
        self.dropped = 0
        self.has_listeners = False
        self._errors = errors
        self._limit = limit
        self._listeners: tuple[list[Listener], ...] = ()
        self.restart()

    def restart(self) -> None:
        """Begin with an empty queue and without a thread: in a forked child. The listeners stay."""
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._may_start = [True]  # taken out by the thread that starts the worker

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with each event from now on; return a function that ends that."""
        entry = [listener]  # of its own: one listener may subscribe twice
        self._listeners = (*self._listeners, entry)
        self.has_listeners = True

        def unsubscribe() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not entry)
            self.has_listeners = bool(self._listeners)

        return unsubscribe

    def put(self, event: CallEvent) -> None:
        """Hand *event* over. Never blocks and never raises."""
        if self._queue.qsize() >= self._limit:
            self.dropped += 1
            return
        self._queue.put(event)
        if self._may_start:
            self._start()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything handed over so far is delivered; return whether it is."""
        if self._thread is threading.current_thread():
            return True  # a listener asks: it cannot wait for itself
        if self._thread is None or not self._thread.is_alive():
            self._deliver_waiting()
            return True
        done: SimpleQueue[bool] = SimpleQueue()
        self._queue.put(done)
        try:
            return done.get(timeout=timeout_seconds)
        except Empty:
            return False

    def stop(self, timeout_seconds: float) -> None:
        """Deliver what waits and end the thread; an event that comes later starts another one."""
        self.flush(timeout_seconds)
        if self._thread is not None:
            self._thread = None
            self._queue.put(None)
            self._may_start = [True]

    def _start(self) -> None:
        try:
            self._may_start.pop()
        except IndexError:
            return
        thread = threading.Thread(target=self._run, args=(self._queue,), name="spancost-calls", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError as error:  # the interpreter is going down: `flush` delivers
            self._errors.record("listener", error)

    def _run(self, queue: SimpleQueue[_Item]) -> None:
        while True:
            item = queue.get()
            if item is None:
                return
            self._deliver(item)
            if queue.empty():
                time.sleep(PAUSE_SECONDS)

    def _deliver_waiting(self) -> None:
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if item is not None:
                self._deliver(item)

    def _deliver(self, item: CallEvent | SimpleQueue[bool]) -> None:
        if isinstance(item, SimpleQueue):
            item.put(True)
            return
        for (listener,) in self._listeners:
            try:
                listener(item)
            except BaseException as error:  # SystemExit too: the thread serves the others
                self._errors.record("listener", error)
