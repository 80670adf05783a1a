"""Each format of an export, of a conversation that has everything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import nh3
import pytest
import yaml

from tests.unit.chat.chats import ME
from tests.unit.chat.everything import NOTE, PNG, PROMPT, SECRETS, everything, everything_app
from webchat_nb.chat.exports.document import ExportDocument, ExportedEntity
from webchat_nb.chat.exports.downloads import FORMATS
from webchat_nb.chat.exports.safe_html import SafeHtml
from webchat_nb.chat.exports.to_fixture import Fixture
from webchat_nb.chat.exports.to_html import to_html
from webchat_nb.chat.exports.to_ipynb import split_code
from webchat_nb.chat.exports.to_markdown import closed, code, fenced, to_markdown
from webchat_nb.chat.exports.turns import Answer, Notice, OtherEntity, Piece, Prompt, Thought, ToolUse, turns_of
from webchat_nb.errors import BadRequestError, LogPrunedError, UnknownSessionError
from webchat_nb.stream import Retention
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fixtures import play
from webchat_nb.wire.requests import Limits, Principal

ANN, BOB = Principal(user="ann"), Principal(user="bob")


async def exported(app: Any, format: str, conv_id: str = "c1") -> bytes:
    content: bytes = (await app.service.export_session(ME, conv_id, format=format)).content
    return content


@pytest.mark.rule("EX1", "AC7")
@pytest.mark.parametrize("format", FORMATS)
async def test_no_format_holds_what_is_secret(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRETS[2])
    async with everything(tmp_path, is_open=True) as app:
        events = await app.hub.events("c1", after=0, limit=1000)  # type: ignore[arg-type]
        assert any(SECRETS[1] in str(event.payload) for event in events), "the log does hold the override"
        text = (await exported(app, format)).decode()
        assert "How do I sort a dict?" in text
        assert not [secret for secret in SECRETS if secret in text]
        assert "overrides" not in text and "ChatOpenRun" not in text


@pytest.mark.rule("EX1")
async def test_the_file_is_named_after_the_title(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        download = await app.service.export_session(ME, "c1", format="markdown")
        assert download.filename == "Sorting & b weather b in Zürich a talk.md"
        await app.service.rename_session(ME, "c1", "../..\\\u202e ")
        assert (await app.service.export_session(ME, "c1", format="json")).filename == "conversation.json"


@pytest.mark.rule("EX1", "AC3")
async def test_only_who_may_read_exports_and_an_unknown_format_is_named(tmp_path: Path) -> None:
    async with everything_app(tmp_path) as app:
        session = await app.service.create_session(ANN)
        with pytest.raises(UnknownSessionError):
            await app.service.export_session(BOB, session.session_id)
        with pytest.raises(UnknownSessionError):
            await app.service.export_session(ANN, "nowhere")
        with pytest.raises(BadRequestError, match=r"format: expected one of json, .*, got 'pdf'"):
            await app.service.export_session(ANN, session.session_id, format="pdf")
        empty = msgspec.json.decode((await app.service.export_session(ANN, session.session_id)).content)
        assert empty["entities"] == []
        for format in FORMATS:
            assert (await app.service.export_session(ANN, session.session_id, format=format)).content


@pytest.mark.rule("EX1")
async def test_json_and_yaml_say_the_same_and_all_of_it(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        said = json.loads(await exported(app, "json"))
        plain = yaml.safe_load(await exported(app, "yaml"))
        said.pop("exportedAtMs"), plain.pop("exportedAtMs")
        assert said == plain
        rows = (await app.hub.snapshot("c1", window=10_000)).entities  # type: ignore[arg-type]
        assert len(rows) == len(said["entities"]) > 20
        wanted = {(row.kind, row.id): json.loads(row.payload) for row in rows}
        assert {(one["kind"], one["id"]): one["payload"] for one in said["entities"]} == wanted
        assert [one["filename"] for one in said["attachments"]] == ['My "garden".png', "früchte.csv"]


@pytest.mark.rule("EX1")
async def test_bytes_beyond_what_an_import_takes_are_left_out(tmp_path: Path) -> None:
    async with everything(tmp_path, limits=Limits(max_import_bytes=2 * len(PNG) + 10)) as app:
        picture, note = json.loads(await exported(app, "json"))["attachments"]
        assert "data" in picture and "data" not in note and note["sizeBytes"] == len(NOTE)


@pytest.mark.rule("EX3")
async def test_turns_are_in_the_order_that_screens_show(tmp_path: Path) -> None:
    async with everything(tmp_path, is_open=True) as app:
        text = (await exported(app, "markdown")).decode()
        order = [
            "How do I sort a dict?",
            "They want *stable*",
            "## Three ways",
            "What is this?",
            "`früchte.csv`",
            "How is the weather?",
            "One moment.",
            "`get_weather`",
            '"celsius": 18',
            "It is 18 °C",
            "fail please",
            "Half of",
            "The answer failed: model overloaded",
            "stop me",
            "It begins with",
            "Was still being answered",
            "And then?",
            "Was waiting for its turn",
        ]
        places = [text.index(piece) for piece in order]
        assert places == sorted(places)


def entity(kind: str, id: str, **payload: Any) -> ExportedEntity:
    return ExportedEntity(kind=kind, id=id, payload=payload)


def document(*entities: ExportedEntity, title: str = "T") -> ExportDocument:
    return ExportDocument(
        session_id="c1",
        title=title,
        profile="",
        created_at_ms=0,
        updated_at_ms=0,
        exported_at_ms=0,
        entities=entities,
    )


def pieces(*entities: ExportedEntity) -> list[list[Piece]]:
    return [list(turn) for turn in turns_of(document(*entities))]


@pytest.mark.rule("EX3")
def test_what_names_no_run_belongs_to_the_run_that_spoke_last() -> None:
    turns = pieces(
        entity("ChatMessage", "u1", role="user", content="a", runId="r1"),
        entity("ChatRun", "r1", status="finished"),
        entity("ChatMessage", "u2", role="user", content="b", runId="r2"),
        entity("ChatMessage", "a1", role="assistant", content="to a", runId="r1"),
        entity("ChatCard", "card", name="plan"),
        entity("AgentMode", "m", title="Mode", **{"from": "plan", "to": "act"}),
        entity("ChatRun", "r2", status="stopped"),
        entity("ChatMessage", "w", role="warning", content="careful", error="or not"),
        entity("ChatMessage", "a2", role="assistant", content="to b", runId="r2"),
        entity("ChatFeedback", "f", messageId="a1", value="down", comment="too short", actor="ann"),
    )
    assert turns == [
        [
            Prompt(id="u1", text="a", attachments=()),
            Answer(id="a1", text="to a"),
            OtherEntity(id="card", kind="ChatCard", payload={"name": "plan"}),
            Notice(id="m", text="Mode: plan → act", level="info"),
            Notice(id="w", text="careful", level="warning"),
            Notice(id="w", text="or not", level="error"),
            Notice(id="f", text="Found not helpful: too short", level="info"),
        ],
        [
            Prompt(id="u2", text="b", attachments=()),
            Answer(id="a2", text="to b"),
            Notice(id="r2", text="Stopped", level="info"),
        ],
    ]


@pytest.mark.rule("EX3")
def test_a_result_stands_with_its_call_and_alone_without_one() -> None:
    call = entity("ChatToolCall", "t1", toolName="add", input='{"a":1}', status="failed", error="no", runId="r1")
    result = entity("ChatToolResult", "t1:result", toolCallId="t1", toolName="add", result="2")
    use = ToolUse(id="t1", name="add", input='{"a":1}', result="2", status="failed", error="no")
    assert pieces(call, result) == [[use]]
    assert pieces(result) == [[ToolUse(id="t1:result", name="add", input="", result="2", status="")]]
    assert pieces(entity("ChatMessage", "th", role="thinking", content="hm")) == [[Thought(id="th", text="hm")]]


@pytest.mark.rule("EX3")
def test_a_question_to_a_person_is_told_with_what_came_of_it() -> None:
    told = [
        entity("ChatApproval", "1", toolName="rm", input='{"a":1}', status="denied", reason="No.", runId="r"),
        entity("ChatApproval", "2", toolName="rm", input='{"a":1}', status="edited", runId="r"),
        entity("ChatApproval", "3", question="Where?", input='{"answer":"here"}', status="approved", runId="r"),
        entity("ChatApproval", "4", question="Where?", input="{}", status="expired", runId="r"),
    ]
    assert [piece.text for piece in pieces(*told)[0] if isinstance(piece, Notice)] == [
        "May rm be called? – denied: No.",
        "May rm be called? – edited",
        'Where? – approved: {"answer":"here"}',
        "Where? – expired",
    ]


def test_markdown_that_an_answer_leaves_open_is_closed() -> None:
    assert closed("a\n~~~~python\nx") == "a\n~~~~python\nx\n~~~~"
    assert closed("```\nx\n```") == "```\nx\n```"
    assert closed("```") == "```\n```"
    assert closed("<!-- never\nshut") == "<!-- never\nshut\n-->"
    assert closed("<SCRIPT>\nx") == "<SCRIPT>\nx\n</SCRIPT>"
    assert closed("<div>\nx") == "<div>\nx"
    assert closed("") == ""


def test_no_text_ends_its_own_code_block() -> None:
    assert fenced("a\n````\nb").startswith("`````\n") and fenced("x", "json") == "```json\nx\n```"
    assert code("a`b``c") == "```a`b``c```" and code("`") == "`` ` ``"


def test_a_prompt_in_markdown_is_a_quote_from_its_first_line_to_its_last() -> None:
    text = to_markdown(document(entity("ChatMessage", "u", role="user", content=PROMPT + "\u2028y\rz"))).decode()
    quote = text.split("**You**\n\n")[1].rstrip("\n")
    assert all(line.startswith(">") for line in re.split(r"\r\n|\r|\n", quote))


@pytest.mark.rule("EX5")
async def test_the_page_holds_no_script_and_loads_nothing(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        page = (await exported(app, "html")).decode()
    assert not re.search(r"<(script|iframe|object|embed|link|form|input|svg|base)\b", page)
    assert not re.search(r"<[^>]*\s(on\w+|srcset|style|id|name=\"[^vr])=", page)
    assert re.findall(r"<img src=\"([^,]*),", page) == ["data:image/png;base64"]
    assert "&lt;script&gt;alert(6)" in page and "<b>weather</b>" not in page
    assert set(re.findall(r'href="([^":]*):', page)) == {"https"}
    assert all('rel="noopener noreferrer"' in link for link in re.findall(r"<a [^>]*href[^>]*>", page))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and policy[1].startswith("default-src 'none'; img-src data:; style-src 'sha256-")


@pytest.mark.rule("EX5", "RD1")
@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("![a *b*](https://x.example/p.png)", '<a href="https://x.example/p.png" rel="noopener noreferrer">a b</a>'),
        ("![](data:image/png;base64,AAAA)", "<a"),
        ("[x](vbscript:y)", "[x](vbscript:y)"),
        ("<a href='javascript:1'>x</a>", '<a rel="noopener noreferrer"'),
        ("x<style>y</style><script>z</script>", "<p>x</p>"),
        ("|a|\n|-:|\n|1|", '<th align="right">a</th>'),
        ("~~x~~ <!-- y -->", "<s>x</s>"),
    ],
)
def test_markdown_of_strangers_does_nothing(markdown: str, html: str) -> None:
    said = SafeHtml().of_markdown(markdown).replace(' target="_blank"', "")
    assert html in said
    assert "javascript:" not in said and "<img" not in said and "data:" not in said and "<!--" not in said


def test_an_entity_of_an_unknown_kind_is_shown_as_it_is() -> None:
    page = to_html(document(entity("Plan", "p", title="</pre><script>"))).decode()
    assert "<code>Plan</code>" in page and "&lt;/pre&gt;&lt;script&gt;" in page
    assert nh3.is_html(page)


async def test_a_notebook_has_prompts_answers_and_python_as_cells(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        notebook = nbformat.reads((await exported(app, "ipynb")).decode(), as_version=4)
    nbformat.validate(notebook)
    code_cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code_cells) == 1 and code_cells[0].startswith('fruits = {"Äpfel": 3')
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert any("> How do I sort a dict?" in text for text in texts)
    assert any("```bash\nsort fruits.txt" in text for text in texts)
    pictured = [cell for cell in notebook.cells if cell.get("attachments")]
    assert [list(cell.attachments["picture-1.png"]) for cell in pictured] == [["image/png"]]
    assert "](attachment:picture-1.png)" in pictured[0].source


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a\n```python\nx = 1\n```\nb", [("markdown", "a"), ("code", "x = 1"), ("markdown", "b")]),
        ("```\nplain\n```", [("code", "plain")]),
        ("```json\n{}\n```", [("markdown", "```json\n{}\n```")]),
        ("- item\n  ```python\n  x\n  ```", [("markdown", "- item\n  ```python\n  x\n  ```")]),
        ("a\u2028b\r\n~~~ Py title=x\r\ny\r\n~~~", [("markdown", "a\u2028b"), ("code", "y")]),
        ("```python\nhalf", [("code", "half")]),
        ("", []),
    ],
)
def test_an_answer_is_split_where_python_begins_and_ends(text: str, cells: list[tuple[str, str]]) -> None:
    assert list(split_code(text)) == cells


@pytest.mark.rule("EX4")
async def test_a_fixture_played_into_an_empty_conversation_gives_its_timeline(tmp_path: Path) -> None:
    clock = ManualClock()
    async with everything(tmp_path, is_open=True, clock=clock) as app:
        fixture = msgspec.json.decode(await exported(app, "fixture"), type=Fixture)
    assert len(fixture.events) > 40 and len(fixture.timeline) > 20
    assert not {"actor", "owner", "overridesJson"} & {name for event in fixture.events for name in event.payload}
    again = ManualClock(start_ms=fixture.started_at_ms - 5000)
    async with everything_app(tmp_path, clock=again) as app:
        assert await play(fixture, app.hub, again) == fixture.timeline


@pytest.mark.rule("EX4")
async def test_a_log_without_its_beginning_makes_no_fixture(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        await app.hub.prune("c1", Retention(max_events=5))  # type: ignore[arg-type]
        with pytest.raises(LogPrunedError, match="beginning"):
            await exported(app, "fixture")
        assert json.loads(await exported(app, "json"))["entities"]
