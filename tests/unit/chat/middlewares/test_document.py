"""`docs/middlewares.md` says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from webchat_nb.app import Config, build
from webchat_nb.chat.middlewares.builtin import BUILTIN

DOCUMENT = (Path(__file__).resolve().parents[4] / "docs" / "middlewares.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_every_middleware_is_described_with_its_keys() -> None:
    described: dict[str, set[str]] = {}
    name = ""
    for row in re.findall(r"^\| (?:`(\w+)` )?\| `(\w+)` \|", DOCUMENT.split("## Blocks")[0], re.MULTILINE):
        name = row[0] or name
        described.setdefault(name, set()).add(row[1])
    assert described == {name: set(factory.config.__struct_fields__) for name, factory in BUILTIN.items()}


def test_the_profile_of_the_document_can_be_used() -> None:
    (profiles,) = blocks("yaml")
    build(Config(profiles=yaml.safe_load(profiles)))


def test_the_program_of_the_document_prints_what_is_said() -> None:
    (program,) = blocks("python")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == blocks("text")[0]
