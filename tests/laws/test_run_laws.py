"""Every run ends in exactly one way, and a prompt is taken once, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.laws.board_machine import QUICK
from tests.laws.homes import Home
from tests.laws.run_machine import RunMachine


def machine_over(make_home: Callable[[], Home]) -> type[RuleBasedStateMachine]:
    return type("RunsOver", (RunMachine,), {"make_home": staticmethod(make_home)})


@pytest.mark.rule("RN1", "RN2", "RN3", "RN4", "RN8", "HT3", "HT6", "PL3", "TL2", "TL9")
@pytest.mark.usefixtures("quiet_log")
def test_every_run_ends_once_whatever_happens(make_home: Callable[[], Home]) -> None:
    run_state_machine_as_test(
        machine_over(make_home), settings=settings(QUICK, max_examples=25, stateful_step_count=20)
    )


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("quiet_log")
def test_every_run_ends_once_for_long(make_home: Callable[[], Home]) -> None:
    run_state_machine_as_test(
        machine_over(make_home), settings=settings(QUICK, max_examples=600, stateful_step_count=40)
    )
