"""The other end of the victims' pipe."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec

from tests.unit.stream.crash import victim
from tests.unit.stream.crash.reports import Acknowledged, Buried, Died, Opened, Order, Report, Started, read_report


class Nursery:
    """Makes victims and kills them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, victim.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def kill_at_point(self, order: Order) -> Sequence[Report]:
        """Let a victim die at its point; returns all it said."""
        reports = self._order(order)
        while not isinstance(reports[-1], Buried):
            reports.append(self._hear())
        assert Died(str(order.point)) in reports, f"it never came to {order.point}"
        self._check_killed(reports[-1])
        return reports

    def kill_at_random(self, order: Order, chance: random.Random) -> Sequence[Report]:
        """Kill a victim some time after its start, its opening or its first answer."""
        reports = self._order(order)
        first = chance.choice([Started, Opened, Acknowledged, Acknowledged])
        while not any(isinstance(report, first) for report in reports):
            reports.append(self._hear())
        time.sleep(chance.uniform(0, 0.05))  # the random moment is what is tested
        started = next(report for report in reports if isinstance(report, Started))
        os.kill(started.pid, signal.SIGKILL)
        while not isinstance(reports[-1], Buried):
            reports.append(self._hear())
        self._check_killed(reports[-1])
        return reports

    def _order(self, order: Order) -> list[Report]:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return [self._hear()]

    def _hear(self) -> Report:
        assert self._process.stdout is not None
        return read_report(self._process.stdout.readline())

    def _check_killed(self, buried: Report) -> None:
        assert isinstance(buried, Buried)
        assert os.WIFSIGNALED(buried.status), "the victim ended by itself; its standard error says why"

    def close(self) -> None:
        """End it; there is no victim alive."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
