"""Tools by name: the host's, those of installed packages, those of modules (TL1)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.chat.tools.boxes import Given
from webchat_nb.chat.tools.registry import ToolRegistry, _installed
from webchat_nb.errors import ConfigError

pytestmark = pytest.mark.rule("TL1")

MODULE = """
imported = []

def search(text: str) -> str:
    \"\"\"Search.\"\"\"
    return text
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed package that offers ``find`` and ``broken`` as tools."""
    name = "package_with_tools"
    (tmp_path / f"{name}.py").write_text(MODULE)
    folder = tmp_path / f"{name}-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    points = f"[webchat_nb.tools]\nfind = {name}:search\nbroken = {name}:nothing\n"
    (folder / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    _installed.cache_clear()
    yield name
    _installed.cache_clear()
    sys.modules.pop(name, None)


async def test_an_installed_package_brings_tools_by_an_entry_point(package: str) -> None:
    registry = ToolRegistry()
    assert registry.lacks(["find", "broken"]) == []
    assert package not in sys.modules
    (tool,) = await registry.load(["find"])
    assert tool.schema.name == "search"
    assert await registry.load(["find"]) == (tool,)
    with pytest.raises(ConfigError, match=r"tools: 'broken' cannot be imported: .*nothing"):
        await registry.load(["broken"])


@pytest.mark.rule("HT4")
async def test_what_is_installed_is_not_for_prompts_to_name(package: str) -> None:
    assert ToolRegistry([Given()]).names == ("weather",)


async def test_the_hosts_tool_wins_over_an_installed_one(package: str) -> None:
    own = Given(name="find")
    assert await ToolRegistry([own]).load(["find"]) == (own,)
    assert package not in sys.modules


async def test_a_module_is_not_imported_before_a_run_needs_it(package: str) -> None:
    registry = ToolRegistry()
    assert registry.lacks([f"{package}:search"]) == []
    assert package not in sys.modules
    (tool,) = await registry.load([f"{package}:search"])
    assert tool.schema.name == "search"


@pytest.mark.rule("AC7")
async def test_what_a_module_says_while_it_breaks_is_for_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "breaking_tools.py").write_text("raise ValueError('the key is abc')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        await ToolRegistry().load(["breaking_tools:x"])
    assert str(refused.value) == "tools: 'breaking_tools:x' cannot be imported: ValueError"
    assert "the key is abc" in caplog.text


async def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(ConfigError, match="tools: no tool 'rm' is registered"):
        await ToolRegistry().load(["rm"])
    with pytest.raises(ConfigError):
        ToolRegistry([3])  # type: ignore[list-item]
