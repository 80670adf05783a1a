"""`webchat-nb serve` in processes of their own."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.unit.transports.chats import SCRIPT

LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+/x/)\n")

PROFILES = "default: fast\nprofiles:\n  - {slug: fast, engine: scripted, script: ./script.yaml}\n"


@asynccontextmanager
async def serving(
    folder: Path, *options: str, script: str = SCRIPT, profiles: str = PROFILES
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server, and its address once it listens; killed at the end, if it still runs."""
    (folder / "script.yaml").write_text(script, encoding="utf-8")
    profiles_file = folder / "profiles.yaml"
    profiles_file.write_text(profiles, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webchat_nb.cli", "serve", "--port", "0", "--base-path", "/x",
        "--profiles", str(profiles_file), *options,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        found = LISTENING.fullmatch(line)
        assert found, line
        yield process, found[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
