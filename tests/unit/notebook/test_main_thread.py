"""Interrupting what works in the main thread, and nothing else. These tests are run in the main thread themselves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from typing import Any

import pytest

from webchat_nb.notebook.kernel.main_thread import Guarded, InterruptedStepError, MainThread

pytestmark = pytest.mark.rule("TL6")


def soon(do: Any) -> None:
    threading.Timer(0.05, do).start()


def test_a_step_is_interrupted_where_it_waits() -> None:
    main = MainThread()
    soon(lambda: main.interrupt("a"))
    began_s = time.monotonic()
    with pytest.raises(InterruptedStepError):
        main.run("a", lambda: time.sleep(30))
    assert time.monotonic() - began_s < 10


def test_the_step_of_another_job_is_left_alone() -> None:
    main = MainThread()
    main.interrupt("a")
    soon(lambda: main.interrupt("a"))
    main.run("b", lambda: time.sleep(0.2))


def test_it_is_interrupted_again_while_it_goes_on() -> None:
    main = MainThread()

    def stubborn() -> None:
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            time.sleep(30)

    soon(lambda: main.interrupt("a"))
    with pytest.raises(InterruptedStepError):
        main.run("a", stubborn)


def test_no_interrupt_comes_after_the_end_of_a_step() -> None:
    main = MainThread()
    is_over = threading.Event()

    def interrupt() -> None:
        while not is_over.is_set():
            main.interrupt("a")

    thread = threading.Thread(target=interrupt)
    before = signal.getsignal(signal.SIGINT)
    thread.start()
    try:
        for _ in range(2000):
            with contextlib.suppress(InterruptedStepError):
                main.run("a", lambda: sum(range(50)))
            sum(range(50))  # here an interrupt would end the test run
    finally:
        is_over.set()
        thread.join()
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_step_gives_and_raises_is_passed_on() -> None:
    main = MainThread()
    assert main.run("a", lambda: 1) == 1
    with pytest.raises(ValueError, match="no"):
        main.run("a", lambda: int("no"))


def test_a_coroutine_that_blocks_the_loop_is_interrupted() -> None:
    main = MainThread()

    async def block() -> str:
        await asyncio.sleep(0)
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            return "interrupted"
        return "slept"

    async def run() -> str:
        return await asyncio.get_running_loop().create_task(Guarded(block(), "a", main))

    soon(lambda: main.interrupt("a"))
    assert asyncio.run(run()) == "interrupted"
