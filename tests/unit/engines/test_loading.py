from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from webchat_nb.app import Config, build
from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest, TextDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.loading import EngineTable, as_factory
from webchat_nb.errors import ConfigError
from webchat_nb.testing.engine_contract import account_of, ask

MODULE = """
from webchat_nb.chat.engine import TextDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.functions import function_engine

class Ready:
    async def run(self, request):
        yield TextDelta("ready " + request.prompt)

class Planned:
    def __init__(self, plan):
        self.plan = plan
    async def run(self, request):
        yield TextDelta(self.plan.script)

ready = Ready()
def factory(plan): return Planned(plan)
def annotated(anything: EnginePlan): return Planned(anything)
def build_ready(): return ready
def build_factory(): return factory
def build_function(): return answer
def answer(prompt): return "answered " + prompt
def generate():
    yield "generated"
def build_agent():
    from pydantic_ai import Agent
    from pydantic_ai.models.test import TestModel
    return Agent(TestModel(custom_output_text="an agent"))
made = function_engine(answer)
class Inner:
    deep = answer
number = 5
def build_number(): return 5
def build_deeper(): return build_ready
"""

COUNT = iter(range(1000))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"engines_of_a_test_{next(COUNT)}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def plan(engine: str) -> EnginePlan:
    return EnginePlan(profile="p", engine=engine, script="tiny")


async def text_of(table: EngineTable, name: str) -> str:
    request = ask("hi", plan=plan(name))
    return (await account_of(table[name](request.plan), request)).text


@pytest.mark.rule("EN6")
@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ("ready", "ready hi"),
        ("factory", "tiny"),
        ("annotated", "tiny"),
        ("Planned", "tiny"),
        ("made", "answered hi"),
        ("build_ready", "ready hi"),
        ("build_factory", "tiny"),
        ("build_function", "answered hi"),
        ("build_agent", "an agent"),
        ("answer", "answered hi"),
        ("generate", "generated"),
        ("Inner.deep", "answered hi"),
    ],
)
async def test_a_module_and_an_object_are_an_engine(module: str, thing: str, text: str) -> None:
    assert await text_of(EngineTable({}), f"{module}:{thing}") == text


@pytest.mark.rule("EN6")
@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ("number", "expected an engine, an agent or a function, got a int"),
        ("build_number", "expected an engine, an agent or a function, got a int"),
        ("build_deeper", "wants no prompt"),
        ("missing", "cannot be imported"),
    ],
)
async def test_what_is_no_engine_is_told(module: str, thing: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        await text_of(EngineTable({}), f"{module}:{thing}")


@pytest.mark.rule("EN6")
@pytest.mark.parametrize("name", ["nothing", "a b:c", "a:", ":c", "a.:c", "1:2", "../x:y"])
def test_other_names_are_none(name: str) -> None:
    table = EngineTable({})
    assert name not in table
    with pytest.raises(KeyError):
        table[name]


@pytest.mark.rule("EN6", "PF2")
def test_nothing_is_imported_before_it_has_to_answer(module: str) -> None:
    table = EngineTable({})
    factory: Any = table[f"{module}:ready"]
    factory(plan("x"))
    assert module not in sys.modules
    assert factory.lacks(plan("x")) == []
    absent: Any = table["surely_not_installed.engines:x"]
    assert absent.lacks(plan("x")) == ["the module surely_not_installed"]


@pytest.mark.rule("EN6")
async def test_an_installed_package_brings_engines_by_an_entry_point(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webchat_nb.engines.loading import _entry_points

    folder = tmp_path / f"{module}-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[webchat_nb.engines]\nfrom-a-package = {module}:answer\n")
    _entry_points.cache_clear()
    try:
        table = EngineTable({})
        assert "from-a-package" in list(table)
        assert await text_of(table, "from-a-package") == "answered hi"
        own = EngineTable({"from-a-package": as_factory(Ready(), "x")})
        assert await text_of(own, "from-a-package") == "own"
    finally:
        _entry_points.cache_clear()


class Ready:
    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        yield TextDelta("own")


@pytest.mark.rule("EN6")
async def test_what_factories_share_is_closed_with_the_table() -> None:
    closed: list[str] = []

    class Sharing:
        def __call__(self, plan: EnginePlan) -> Engine:
            raise NotImplementedError

        async def aclose(self) -> None:
            closed.append("shared")

    await EngineTable({"a": Sharing(), "b": as_factory(Ready(), "b")}).aclose()
    assert closed == ["shared"]


@pytest.mark.rule("EN6")
def test_a_profile_names_a_module_and_an_object(module: str) -> None:
    profiles = {"profiles": [{"slug": "mine", "engine": f"{module}:answer"}]}

    async def main() -> str:
        async with build(Config(profiles=profiles)) as app:
            return await app.chat("hi", profile="mine").text()

    assert asyncio.run(main()) == "answered hi"


@pytest.mark.rule("EN6", "PF2")
def test_a_start_does_not_need_any_sdk() -> None:
    """All engines are in the table; what one lacks is told by its profile, and stops nobody else."""
    program = """
import sys
sys.modules.update(openai=None, anthropic=None, pydantic_ai=None)  # as if they were not installed
import asyncio
from webchat_nb.app import Config, build
slugs = ["openai", "openai-responses", "anthropic", "pydantic-ai"]
profiles = {"default": "demo", "profiles": [{"slug": "demo", "script": "builtin:demo"}] + [
    {"slug": slug, "engine": slug, "model": "m", "base_url": "http://127.0.0.1:9"} for slug in slugs]}
async def main():
    async with build(Config(profiles=profiles)) as app:
        print(len(await app.chat("hello").text()) > 10)
        for slug in slugs:
            try:
                await app.chat("hello", profile=slug).text()
            except Exception as error:
                print(error)
asyncio.run(main())
"""
    import subprocess

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr
    first, *told = ended.stdout.splitlines()
    assert first == "True"
    assert [line.partition("pip install ")[2] for line in told] == [
        f"webchat-nb[{extra}]" for extra in ("openai", "openai", "anthropic", "pydantic-ai")
    ]
