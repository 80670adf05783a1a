"""The filter: the same text and the same blocks, however the text is cut; nothing held back without need."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.chat.blocks import BlockTag
from webchat_nb.chat.blocks.filter import BlockFilter, Closed, Inside, Opened, Piece, Plain, Skipped, Stray

ONE = BlockTag(name="x:one:v1", format="text", max_chars=12)
TWO = BlockTag(name="x:one:v10", format="text", max_chars=12)
TAGS = (ONE, TWO)

WORDS = st.sampled_from(
    [ONE.opening, ONE.closing, TWO.opening, TWO.closing, "<", "</", "<x:one:v", "<x:two:v1>", "<<", ">", "1>"]
)
TEXTS = st.lists(WORDS | st.text("ab<\n", max_size=5), max_size=10).map("".join)


def filtered(pieces: Iterable[str]) -> list[Piece]:
    """All pieces, neighbours of one kind put together."""
    made: list[Piece] = []
    blocks = BlockFilter(TAGS)
    for piece in itertools.chain(*(list(blocks.feed(text)) for text in pieces), blocks.finish()):
        last = made[-1] if made else None
        if isinstance(piece, Plain) and isinstance(last, Plain):
            made[-1] = Plain(last.text + piece.text)
        elif isinstance(piece, Inside) and isinstance(last, Inside):
            made[-1] = Inside(last.text + piece.text)
        elif isinstance(piece, Skipped) and isinstance(last, Skipped) and last.tag == piece.tag:
            made[-1] = Skipped(piece.tag, last.text + piece.text)
        else:
            made.append(piece)
    return made


def written(pieces: Sequence[Piece]) -> str:
    """What the pieces stand for, as it was written."""
    made, tag = "", None
    for piece in pieces:
        match piece:
            case Plain() | Inside() | Skipped():
                made += piece.text
            case Opened():
                tag = piece.tag
                made += tag.opening
            case Closed(problem=None):
                assert tag is not None
                made += tag.closing
            case Stray():
                made += piece.tag.closing
    return made


@pytest.mark.rule("SB1")
@given(text=TEXTS, places=st.lists(st.integers(0, 90), max_size=8))
def test_however_a_text_is_cut_the_same_comes_out_and_nothing_is_lost(text: str, places: list[int]) -> None:
    whole = filtered([text])
    edges = [0, *sorted(place for place in places if place < len(text)), len(text)]
    assert filtered([text[begin:end] for begin, end in itertools.pairwise(edges)]) == whole
    assert filtered(text) == whole
    assert written(whole) == text


@pytest.mark.rule("SB1")
@given(text=st.text("ab<>/:\r\n\u2028\U0001f600 x", max_size=60))
def test_text_without_blocks_passes_as_it_is(text: str) -> None:
    assert filtered([text]) == ([Plain(text)] if text else [])


@pytest.mark.rule("SB1")
def test_a_block_is_cut_out() -> None:
    assert filtered(["1 < 2 <x:one:v", "1>in", "side</x:on", "e:v1> end"]) == [
        Plain("1 < 2 "),
        Opened(ONE),
        Inside("inside"),
        Closed(None),
        Plain(" end"),
    ]


@pytest.mark.rule("SB1")
def test_nothing_is_held_back_but_what_may_become_a_marker() -> None:
    blocks = BlockFilter(TAGS)
    for fed, told, held in [
        ("a <", "a ", "<"),
        ("x:on", "", "<x:on"),
        ("k", "<x:onk", ""),
        ("<b> <", "<b> ", "<"),
        ("<", "<", "<"),
        (" ", "< ", ""),
        ("<x:one:v1", "", "<x:one:v1"),
        ("1", "<x:one:v11", ""),
    ]:
        assert "".join(piece.text for piece in blocks.feed(fed) if isinstance(piece, Plain)) == told
        assert blocks.held == held


@pytest.mark.rule("SB2")
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<x:one:v1>a", [Opened(ONE), Inside("a"), Closed("unclosed")]),
        ("<x:one:v1>", [Opened(ONE), Closed("unclosed")]),
        ("<x:one:v1>a</x:one", [Opened(ONE), Inside("a</x:one"), Closed("unclosed")]),
        ("a</x:one:v1>b", [Plain("a"), Stray(ONE), Plain("b")]),
        (
            "<x:one:v1>a<x:one:v10>b</x:one:v10>",
            [Opened(ONE), Inside("a"), Closed("nested"), Opened(TWO), Inside("b"), Closed(None)],
        ),
        ("<x:one:v1></x:one:v10></x:one:v1>", [Opened(ONE), Inside("</x:one:v10>"), Closed(None)]),
        ("<x:one:v1>123456789012</x:one:v1>", [Opened(ONE), Inside("123456789012"), Closed(None)]),
        (
            "<x:one:v1>1234567890123</x:one:v1>b",
            [Opened(ONE), Inside("123456789012"), Closed("too_large"), Skipped(ONE, "3</x:one:v1>"), Plain("b")],
        ),
        (
            "<x:one:v1>1234567890123<x:one:v1>a</x:one:v1>",
            [
                *(Opened(ONE), Inside("123456789012"), Closed("too_large"), Skipped(ONE, "3")),
                *(Opened(ONE), Inside("a"), Closed(None)),
            ],
        ),
    ],
)
def test_malformed_blocks_are_told_by_their_problem(text: str, pieces: list[Piece]) -> None:
    assert filtered([text]) == pieces


def test_after_its_end_another_text_may_begin() -> None:
    blocks = BlockFilter(TAGS)
    assert list(blocks.feed("<x:one:v1>a")) == [Opened(ONE), Inside("a")]
    assert list(blocks.finish()) == [Closed("unclosed")]
    assert list(blocks.feed("b")) == [Plain("b")]
    assert list(blocks.finish()) == []


@pytest.mark.parametrize("name", ["", "one", "a:b", "a:b:c:d", "1:b:v1", "a:b c:v1", "a:b:v1>", "a" * 60 + ":b:v1"])
def test_a_tag_has_three_plain_parts(name: str) -> None:
    with pytest.raises(ValueError, match="expected a tag such as app:name:v1"):
        BlockTag(name=name)
