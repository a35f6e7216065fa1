# SPDX-License-Identifier: Apache-2.0
"""A thread that settles reservations off the path of calls, probes a store that failed, and renews leases."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

MOST_JOBS = 100_000
"""Settlements that wait at most, during an outage; what does not fit is dropped, and its reservation expires."""
PROBE_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.5)
"""Pauses before a store that failed is tried again: a store that only was slow is back soon. The last one repeats."""

Job = Callable[[], None]


class Worker:
    """Runs jobs in order in a daemon thread that starts with the first one.

    A job that raises `failure` waits, and those behind it, until *probe* returns True. dropped: jobs that did not fit.
    """

    def __init__(
        self,
        failure: type[Exception],
        probe: Callable[[], bool],
        *,
        tick: Callable[[], bool] | None = None,
        tick_seconds: float = 5.0,
    ) -> None:
        self.dropped = 0
        self._failure = failure
        self._probe = probe
        self._tick = tick
        self.tick_seconds = tick_seconds
        self.restart()

    def restart(self) -> None:
        """Begin without jobs and without a thread: in a forked child."""
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_busy = False

    def put(self, job: Job) -> None:
        """Run *job* soon."""
        with self._wake:
            if len(self._jobs) >= MOST_JOBS:
                self.dropped += 1
                return
            self._jobs.append(job)
            self._wake.notify()
        self.start()

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None and not self._is_closed:
            with self._wake:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="spancost-budgets", daemon=True)
                    self._thread.start()

    def flush(self, seconds: float) -> bool:
        """Wait until every job has run; False when that takes longer than *seconds*."""
        until = time.monotonic() + seconds
        with self._wake:
            while self._jobs or self._is_busy:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._wake.wait(min(left, 0.05))
        return True

    def close(self, seconds: float) -> None:
        """Run what waits, and end the thread."""
        self.flush(seconds)
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()

    def _run(self) -> None:
        next_tick = time.monotonic() + self.tick_seconds
        failures = 0
        while True:
            with self._wake:
                if not self._jobs and not self._is_closed:
                    self._wake.wait(max(0.0, next_tick - time.monotonic()))
                if self._is_closed:
                    return
                job = self._jobs[0] if self._jobs else None
                self._is_busy = job is not None
            if job is None or self._did(job):
                failures = 0
            else:
                time.sleep(PROBE_SECONDS[min(failures, len(PROBE_SECONDS) - 1)])
                failures = 0 if self._answers() else failures + 1
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + self.tick_seconds
                self._ticked()

    def _answers(self) -> bool:
        try:
            return self._probe()
        except Exception:  # a connection that is closed while it waits raises what it happens to need next
            return False

    def _did(self, job: Job) -> bool:
        """Run the first job and take it from the queue; False when it has to wait."""
        try:
            job()
        except self._failure:
            with self._wake:
                self._is_busy = False
            return False
        except Exception:  # a job of ours must not end the thread
            self.dropped += 1
        with self._wake:
            self._jobs.popleft()
            self._is_busy = False
            self._wake.notify_all()
        return True

    def _ticked(self) -> None:
        if self._tick is None:
            return
        try:
            self._tick()
        except self._failure:
            self._answers()
        except Exception:
            self.dropped += 1
