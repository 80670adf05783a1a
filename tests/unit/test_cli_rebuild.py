"""`webchat-nb rebuild`: timelines anew from their logs."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.chat.chats import chat, idle, submit
from webchat_nb.cli import main


def rebuild(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rebuild", *arguments])


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Two conversations of which one was damaged by hand."""
    path = tmp_path / "chat.db"

    async def talk() -> None:
        async with chat(tmp_path, db=str(path)) as app:
            for conv_id in ("c1", "c2"):
                await submit(app.service, "hello", conv_id=conv_id)
                await idle(app.service, conv_id)

    asyncio.run(talk())
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE entities SET payload = replace(payload, 'hello', 'HELLO')"
            " WHERE session = (SELECT key FROM sessions WHERE id = 'c1')"
        )
    connection.close()
    return path


def kept(path: Path) -> str:
    connection = sqlite3.connect(path)
    texts = [str(payload) for (payload,) in connection.execute("SELECT payload FROM entities")]
    connection.close()
    return "".join(texts)


@pytest.mark.rule("PL3")
def test_all_conversations_are_rebuilt(db: Path) -> None:
    assert "HELLO" in kept(db)
    result = rebuild("--db", str(db))
    assert result.exit_code == 0, result.output
    assert "conversations: 2, 1 changed, 0 failed" in result.output
    assert "HELLO" not in kept(db)
    assert "conversations: 2, 0 changed, 0 failed" in rebuild("--db", str(db)).output


@pytest.mark.rule("PL3")
def test_one_conversation_is_rebuilt(db: Path) -> None:
    assert "conversations: 1, 0 changed, 0 failed" in rebuild("--db", str(db), "--session", "c2").output
    assert "HELLO" in kept(db)


def test_what_cannot_be_rebuilt_is_told_and_left_alone(db: Path) -> None:
    unknown = rebuild("--db", str(db), "--session", "c3")
    assert (unknown.exit_code, "c3: no such conversation" in unknown.output) == (1, True)
    with sqlite3.connect(db) as connection:
        connection.execute("DELETE FROM events WHERE (place & 4294967295) = 1")
    connection.close()
    pruned = rebuild("--db", str(db))
    assert (pruned.exit_code, "0 changed, 2 failed" in pruned.output) == (1, True)
    assert "HELLO" in kept(db)


@pytest.mark.parametrize(("path", "message"), [("memory", "memory keeps nothing"), ("nowhere.db", "no such file")])
def test_a_place_without_conversations_is_refused(path: str, message: str) -> None:
    result = rebuild("--db", path)
    assert result.exit_code == 1
    assert message in result.output
