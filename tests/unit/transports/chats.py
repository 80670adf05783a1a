"""A real chat in memory for the transports' tests: scripted answers, no delays, gates that the test opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webchat_nb.app import ChatApp, Config, build

SCRIPT = """
script: 1
defaults: {chunk: word, delay_ms: 0, first_delay_ms: 0}
turns:
  - match: gate
    steps: [{say: "before "}, {wait_for: go}, {say: "after"}]
  - match: long
    steps: [{say: {text: "0123456789 ", repeat: 4000, chunk: all}}, {say: "the end"}]
  - match: may you
    steps: [{call: {tool: delete_file, args: {path: a.txt}, approval: true, result: gone}}]
  - steps: [{say: "You said: {prompt}"}]
"""

PROFILES = {
    "default": "fast",
    "profiles": [
        {"slug": "fast", "title": "Fast", "engine": "scripted", "script": "SCRIPT"},
        {"slug": "other", "title": "Other", "engine": "scripted", "script": "SCRIPT"},
        {"slug": "locked", "engine": "scripted", "script": "SCRIPT", "allow_overrides": False},
    ],
}


def profiles_in(folder: Path) -> dict[str, Any]:
    """The profiles, with their script written into a folder."""
    script = folder / "script.yaml"
    script.write_text(SCRIPT, encoding="utf-8")
    profiles = [{**profile, "script": str(script)} for profile in PROFILES["profiles"]]  # type: ignore[dict-item]
    return {**PROFILES, "profiles": profiles}


def chat_in(folder: Path, **config: Any) -> ChatApp:
    """A chat that is not started yet."""
    return build(Config(profiles=profiles_in(folder), **config))


def submit(prompt: str = "hi", *, conv_id: str = "c1", id: str = "k1", **data: Any) -> dict[str, Any]:
    """A command frame."""
    return {"type": "command", "id": id, "name": "chat.submit", "conv_id": conv_id, "data": {"prompt": prompt, **data}}


def subscribe(conv_id: str = "c1", **more: Any) -> dict[str, Any]:
    """A subscribe frame."""
    return {"type": "subscribe", "conv_id": conv_id, **more}
