"""`webchat-nb serve` in a process of its own, for tests of its page."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.jupyter import ROOT
from tests.e2e.scripts import write_profiles

STOP_TIMEOUT_S = 15.0


@contextmanager
def serving_page(folder: Path) -> Iterator[str]:
    """The page's address, with its token, below a path of its own."""
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "webchat_nb.cli", "serve", "--port", "0", "--base-path", "/a/b"]
    command += ["--profiles", str(write_profiles(folder))]
    told = {"WEBCHAT_TOKEN": token, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=os.environ | told, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line.startswith("listening on "), line
        yield f"{line.removeprefix('listening on ').strip()}?token={token}"
    finally:
        process.terminate()
        process.communicate(timeout=STOP_TIMEOUT_S)
