"""Tests that are coroutines, without a plugin: ``class TestIt(AsyncTests): async def test_that(self): …``."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest


class AsyncTests:
    """Runs the class's coroutine tests on one event loop per test.

    Attributes:
        runner: Of the present test; fixtures use it for what they await, so that all of a test shares one loop.
    """

    runner: asyncio.Runner

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, test in list(vars(cls).items()):
            if name.startswith("test_") and inspect.iscoroutinefunction(test):
                setattr(cls, name, _run(test))

    @pytest.fixture(autouse=True)
    def _loop(self) -> Iterator[None]:
        with asyncio.Runner() as self.runner:
            yield


def _run(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(self: AsyncTests, *args: Any, **kwargs: Any) -> None:
        async def in_loop() -> None:
            await test(self, *args, **kwargs)

        self.runner.run(in_loop())

    return run
