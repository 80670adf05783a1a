"""The laws of the stream over every store, on an application that is no chat.

Whatever happens to a board, and in whatever order: what it shows is the fold of its log; who was connected all along,
who reloads and who resumes from any ordinal show the same, however the network loses, repeats and reorders frames; a
command is carried out once per key; what was acknowledged or shown outlives a crash.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.laws.board_machine import LONG, QUICK, BoardMachine
from tests.laws.homes import Home


def machine_over(make_home: Callable[[], Home]) -> type[RuleBasedStateMachine]:
    return type("BoardOver", (BoardMachine,), {"make_home": staticmethod(make_home)})


@pytest.mark.rule(
    "FR3", "FR5", "FR6", "FR7", "FR8", "OR1", "OR2", "OR3", "PL1", "PL3", "ST2", "ST6", "HT3", "EV1", "SC2"
)
@pytest.mark.usefixtures("quiet_log")
def test_the_laws_hold_whatever_happens(make_home: Callable[[], Home]) -> None:
    run_state_machine_as_test(machine_over(make_home), settings=QUICK)


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("quiet_log")
def test_the_laws_hold_for_long(make_home: Callable[[], Home]) -> None:
    run_state_machine_as_test(machine_over(make_home), settings=LONG)
