"""A job at work in the kernel: a task of the main thread's loop whose steps can be interrupted.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, final

from webchat_nb.notebook.kernel.jobs import Jobs
from webchat_nb.notebook.kernel.main_thread import Guarded, MainThread


@final
class Workers:
    """Begins jobs, and lets the server end them.

    Args:
        jobs: Which are wanted.
        main: Where they work.
    """

    def __init__(self, jobs: Jobs, main: MainThread) -> None:
        self._jobs = jobs
        self._main = main
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, job_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin the job, unless nobody wants it any more; then nothing of it is done and nothing is said."""
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []

        def end() -> None:
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            self._main.interrupt(job_id)  # when it does not let go of the thread that the task would be cancelled in

        if not self._jobs.begin(job_id, end):
            work.close()
            return
        task = loop.create_task(Guarded(work, job_id, self._main), name=f"webchat-{job_id}")
        tasks.append(task)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # what ended it between two steps was an interrupt; the server sees that it is done


def is_called_off(error: BaseException) -> bool:
    """Whether this ended the job that works here because it was called off, and not something that it raised itself."""
    if not isinstance(error, asyncio.CancelledError):
        return isinstance(error, GeneratorExit)  # closed, as at the end of the process
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
