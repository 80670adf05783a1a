"""What holds for the tree as a whole: where things lie, what they are called, what may stand in a lock file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VAGUE_NAMES = {"common", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"}


def tracked_files() -> list[str]:
    """What git tracks or would track; outside a checkout, as in an sdist, there is nothing to hold it to."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def lock_files() -> Iterator[str]:
    """Files that pin packages or configure a package client."""
    pattern = re.compile(
        r"(\.lock|-lock\.json|constraints.*\.txt|requirements.*\.txt|\.npmrc|pip\.conf|uv\.toml|yarn\.lock)$"
    )
    return filter(pattern.search, tracked_files())


def name_of(requirement: str) -> str:
    """The normalised name of the package that a requirement asks for."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_rooms_are_there() -> None:
    rooms = ["docs", "js", "notebooks", "server_ext", "tests", "webchat_nb"]
    assert [room for room in rooms if not (ROOT / room).is_dir()] == []


def test_nothing_lies_outside_the_rooms() -> None:
    tops = {name.split("/")[0] for name in tracked_files() if "/" in name}
    assert tops <= {".ci", "docs", "js", "notebooks", "server_ext", "tests", "webchat_nb"}


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = [name for name in tracked_files() if VAGUE_NAMES & set(Path(name).with_suffix("").parts)]
    assert vague == []


def test_python_and_frontend_have_one_version() -> None:
    package = json.loads((ROOT / "js" / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text(encoding="utf-8"))
    assert package["version"] == lock["version"] == PROJECT["project"]["version"]


def test_no_lock_file_holds_a_registry_address() -> None:
    address = re.compile(
        r"\bfile:|^\s*(--?(index|extra-index|find-links)|registry\s*=)|(resolved|registry)\W+https?:", re.MULTILINE
    )
    found = {
        name: hit[0] for name in lock_files() if (hit := address.search((ROOT / name).read_text(encoding="utf-8")))
    }
    assert found == {}


def test_the_python_lock_holds_no_address_and_only_hashed_pins() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    entries = [line for line in lock.splitlines() if not line.startswith(" ")]
    assert [entry for entry in entries if not re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+ .*\\$", entry)] == []


def test_the_python_lock_pins_every_dependency() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==", lock, re.MULTILINE))
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["dev"], *extras]
    names = {name_of(requirement) for group in wanted for requirement in group}
    assert names - pinned == set()


def test_the_extension_is_enabled_by_installing_it() -> None:
    folder = "server_ext/jupyter-config/jupyter_server_config.d"
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"] == {
        folder: "etc/jupyter/jupyter_server_config.d"
    }
    config = json.loads((ROOT / folder / "webchat_nb_server.json").read_text(encoding="utf-8"))
    assert config == {"ServerApp": {"jpserver_extensions": {"webchat_nb_server": True}}}


def test_scripts_of_ci_can_be_executed() -> None:
    assert [path.name for path in (ROOT / ".ci").iterdir() if not os.access(path, os.X_OK)] == []


def test_generated_code_is_of_the_protos_that_are_there(tmp_path: Path) -> None:
    """`make proto` would change nothing."""
    subprocess.run([ROOT / ".ci" / "proto", tmp_path], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb*") if path.is_file()]
    assert {path.suffix for path in made} == {".py", ".pyi", ".ts"}
    assert [path for path in made if (tmp_path / path).read_text() != (ROOT / path).read_text()] == []
