"""The reader: documents while they arrive, the policy for malformed blocks, and a cost that stays linear."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.chat.blocks import BlockEnded, BlockGrew, BlockRecord, BlockStarted, BlockTag
from webchat_nb.chat.blocks.growing import GrowingDocument
from webchat_nb.chat.blocks.reader import BlockReader
from webchat_nb.chat.engine import TextDelta

Policy = Literal["show", "drop", "error"]
OPEN, CLOSE = "<a:doc:v1>", "</a:doc:v1>"


def reader(**tag: Any) -> BlockReader:
    number = itertools.count(1)
    tags = [BlockTag(name="a:doc:v1", **tag), BlockTag(name="a:note:v1", format="text")]
    return BlockReader(tags, lambda: f"b{next(number)}")


def read(pieces: Iterable[str], **tag: Any) -> list[TextDelta | BlockRecord]:
    blocks = reader(**tag)
    return [*(record for piece in pieces for record in blocks.feed(piece)), *blocks.finish()]


def text_of(records: list[TextDelta | BlockRecord]) -> str:
    return "".join(record.text for record in records if isinstance(record, TextDelta))


def blocks_of(records: list[TextDelta | BlockRecord]) -> list[BlockRecord]:
    return [record for record in records if not isinstance(record, TextDelta)]


@pytest.mark.rule("SB3")
def test_a_document_is_told_while_it_arrives() -> None:
    content = '{"title": "A plan for the day", "steps": ["get up", "make coffee"]}'
    assert read([f"Hi. {OPEN}{content}{CLOSE} Bye."]) == [
        TextDelta("Hi. "),
        BlockStarted("b1", "a:doc:v1"),
        BlockGrew("b1", "a:doc:v1", content[:32], {"title": "A plan for the day"}),
        BlockGrew("b1", "a:doc:v1", content[32:40], {"title": "A plan for the day"}),
        BlockGrew("b1", "a:doc:v1", content[40:50], {"title": "A plan for the day", "steps": ["get up"]}),
        BlockGrew("b1", "a:doc:v1", content[50:62], {"title": "A plan for the day", "steps": ["get up", "make coff"]}),
        BlockEnded("b1", "a:doc:v1", content[62:], json.loads(content)),
        TextDelta(" Bye."),
    ]


def test_yaml_is_told_line_by_line() -> None:
    content = "title: A plan\nsteps:\n- get up early\n- make coffee\n- go"
    told = blocks_of(read([OPEN + content + CLOSE], format="yaml"))
    assert [record.document for record in told if isinstance(record, BlockGrew)] == [
        {"title": "A plan", "steps": None},
        {"title": "A plan", "steps": ["get up early"]},
        {"title": "A plan", "steps": ["get up early", "make coffee"]},
    ]
    assert told[-1].document == {"title": "A plan", "steps": ["get up early", "make coffee", "go"]}  # type: ignore[union-attr]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text('aé<\\"/\n😀', max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.rule("SB1", "SB3")
@given(
    parts=st.lists(st.tuples(st.text("ab< \n", max_size=12), DOCUMENTS), max_size=4),
    places=st.lists(st.integers(0, 300), max_size=10),
)
def test_however_it_is_cut_the_records_are_the_same(parts: list[tuple[str, Any]], places: list[int]) -> None:
    text = "".join(f"{plain}{OPEN}{json.dumps(document, ensure_ascii=False)}{CLOSE}" for plain, document in parts)
    edges = [0, *sorted(place for place in places if place < len(text)), len(text)]
    whole = read([text])
    for pieces in ([text[begin:end] for begin, end in itertools.pairwise(edges)], list(text)):
        cut = read(pieces)
        assert blocks_of(cut) == blocks_of(whole)
        assert text_of(cut) == text_of(whole) == "".join(plain for plain, _ in parts)
    ended = [record.document for record in whole if isinstance(record, BlockEnded)]
    assert ended == [document for _, document in parts]


MALFORMED = [
    ("unclosed", f"a {OPEN}" + '{"b": 1', f"{OPEN}" + '{"b": 1'),
    ("unreadable", f"a {OPEN}no json{CLOSE}", f"{OPEN}no json{CLOSE}"),
    ("too_large", f"a {OPEN}{'1' * 50}{CLOSE}", f"{OPEN}{'1' * 50}{CLOSE}"),
    ("nested", f"a {OPEN}[1<a:note:v1>n</a:note:v1>", f"{OPEN}[1"),
    ("stray", f"a {CLOSE}", CLOSE),
]


@pytest.mark.rule("SB2")
@pytest.mark.parametrize(("problem", "text", "raw"), MALFORMED)
@pytest.mark.parametrize("policy", ["show", "drop", "error"])
def test_a_malformed_block_is_shown_dropped_or_fails_the_run(problem: str, text: str, raw: str, policy: Policy) -> None:
    for pieces in ([text], list(text)):
        blocks = reader(on_malformed=policy, max_chars=40)
        records = [*(record for piece in pieces for record in blocks.feed(piece)), *blocks.finish()]
        assert text_of(records) == ("a " + raw if policy == "show" else "a ")
        ended = [record for record in records if isinstance(record, BlockEnded) and record.tag == "a:doc:v1"]
        assert [(record.problem, record.document) for record in ended] == (
            [] if problem == "stray" else [(problem, None)]
        )
        if policy == "error":
            assert blocks.failure is not None and blocks.failure.engine_code == "bad_block"
            assert problem in blocks.failure.message
        else:
            assert blocks.failure is None


@pytest.mark.rule("SB2")
@pytest.mark.parametrize(("problem", "text", "raw"), MALFORMED)
@pytest.mark.parametrize("policy", ["show", "drop"])
def test_what_is_not_said_yet_is_what_the_end_would_say(problem: str, text: str, raw: str, policy: Policy) -> None:
    for length in range(len(text) + 1):
        blocks = reader(on_malformed=policy, max_chars=40)
        blocks.feed(text[:length])
        unsaid = blocks.unsaid()
        assert blocks.unsaid() == unsaid == text_of(list(blocks.finish()))


@pytest.mark.rule("SB4")
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_readings_of_a_block_are_linear_together(form: Literal["json", "yaml"]) -> None:
    content = json.dumps(["word " * 8] * 300, indent=0)
    records = read([OPEN, *content, CLOSE], format=form, max_chars=10**6)
    size, readings = 0, []
    for record in blocks_of(records):
        if isinstance(record, BlockGrew):
            size += len(record.text)
            readings.append(size)
    assert len(content) > 12_000 and len(readings) < 40
    assert sum(readings) < 5 * len(content)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '{"a": 1, "a": 2}'),
        ("json", "NaN"),
        ("json", "[" * 5000),
        ("json", "1" * 5000),
        ("json", "'a'"),
        ("json", ""),
        ("yaml", "a: [1"),
        ("yaml", "a: 1\na: 2"),
        ("yaml", "!!python/name:os.system x"),
        ("yaml", "a: &a [*a]"),
        ("yaml", "[" * 5000),
    ],
)
def test_what_is_no_document_is_unreadable(form: Literal["json", "yaml"], text: str) -> None:
    document = GrowingDocument(form)
    document.add(text)
    document.read_so_far()
    with pytest.raises(ValueError, match=r"\w"):
        document.read_whole()


def test_a_text_is_not_read() -> None:
    document = GrowingDocument("text")
    document.add('{"a": 1}')
    assert document.read_so_far() is None and document.read_whole() is None and document.text == '{"a": 1}'
