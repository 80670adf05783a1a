"""Which jobs of a kernel are begun, and which never are."""

from __future__ import annotations

import pytest

from webchat_nb.notebook.kernel.jobs import Jobs
from webchat_nb.notebook.kernel.messages import LEASE_S
from webchat_nb.notebook.kernel.records import Result


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Jobs:
    return Jobs(clock)


def nothing() -> None:
    """Ends nothing."""


@pytest.mark.rule("TL6")
def test_a_job_is_begun_once_when_it_was_announced(jobs: Jobs) -> None:
    assert not jobs.begin("a", nothing)
    assert jobs.want(["a"]) == {"a": "waiting"}
    assert jobs.begin("a", nothing)
    assert not jobs.begin("a", nothing)
    assert jobs.want(["a"]) == {"a": "working"}


@pytest.mark.rule("TL6")
def test_a_job_that_was_called_off_is_never_begun(jobs: Jobs) -> None:
    jobs.want(["a"])
    jobs.cancel("a")
    assert not jobs.begin("a", nothing)


@pytest.mark.rule("TL6")
def test_a_job_is_never_begun_when_the_server_has_fallen_silent(jobs: Jobs, clock: Clock) -> None:
    jobs.want(["a", "b"])
    clock.now_s += LEASE_S - 1
    jobs.want(["a"])
    clock.now_s += 2
    assert jobs.begin("a", nothing)
    assert not jobs.begin("b", nothing)
    clock.now_s += 100 * LEASE_S
    assert jobs.want(["a"]) == {"a": "working"}  # one that works is not ended


@pytest.mark.rule("TL6")
def test_a_job_that_works_is_ended_when_it_is_called_off(jobs: Jobs) -> None:
    ended: list[str] = []
    jobs.want(["a"])
    jobs.begin("a", lambda: ended.append("a"))
    jobs.cancel("a")
    jobs.cancel("a")
    assert ended == ["a"]


def test_a_result_is_kept_until_nobody_wants_it(jobs: Jobs) -> None:
    result = Result(result="large")
    jobs.want(["a"])
    jobs.begin("a", nothing)
    jobs.finish("a", result)
    assert jobs.want(["a"]) == {"a": "done"}
    assert jobs.fetch("a") == result
    jobs.want([])
    assert jobs.fetch("a") is None
