"""The jobs of this kernel: which are still wanted, which work, which are done.

The control channel's thread announces them and calls them off; the main thread begins and ends them.

Rule: TL6.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import final

from webchat_nb.notebook.kernel.messages import LEASE_S
from webchat_nb.notebook.kernel.records import Result

End = Callable[[], None]
"""Ends a job that works; called from another thread."""


class _Job:
    """One of them."""

    __slots__ = ("end", "result", "state", "wanted_s")

    def __init__(self, now_s: float) -> None:
        self.state = "waiting"
        self.wanted_s = now_s
        self.end: End | None = None
        self.result: Result | None = None


@final
class Jobs:
    """May be used from any thread.

    Args:
        now_s: A clock that only goes forward.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def want(self, job_ids: Iterable[str]) -> dict[str, str]:
        """The server waits for these; what is done and not among them is forgotten.

        Returns:
            Their states.
        """
        with self._lock:
            now_s = self._now_s()
            wanted = {job_id: self._jobs.setdefault(job_id, _Job(now_s)) for job_id in job_ids}
            for job in wanted.values():
                job.wanted_s = now_s
            for job_id, job in list(self._jobs.items()):
                if job_id not in wanted and (job.state == "done" or self._is_stale(job)):
                    del self._jobs[job_id]
            return {job_id: job.state for job_id, job in wanted.items()}

    def begin(self, job_id: str, end: End) -> bool:
        """Whether the job may begin: the server wants it still, and has not called it off."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.state != "waiting" or self._is_stale(job):
                return False
            job.state, job.end = "working", end
            return True

    def finish(self, job_id: str, result: Result | None = None) -> None:
        """It has ended; a result that is given is kept until it is fetched, or not wanted any more."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is not None:
                job.state, job.end, job.result = "done", None, result

    def cancel(self, job_id: str) -> None:
        """End it, or never begin it."""
        with self._lock:
            job = self._jobs.pop(job_id, None)
        if job is not None and job.end is not None:
            job.end()

    def is_wanted(self, job_id: str) -> bool:
        """Whether it was not called off."""
        with self._lock:
            return job_id in self._jobs

    def fetch(self, job_id: str) -> Result | None:
        """The result that was kept."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None else job.result

    def _is_stale(self, job: _Job) -> bool:
        return job.state == "waiting" and self._now_s() - job.wanted_s > LEASE_S
