from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.engines.chunks import split_text

CHUNKS = st.sampled_from(["word", "char", "all"]) | st.integers(min_value=1, max_value=50)


@given(st.text(), CHUNKS)
def test_joined_pieces_are_the_text_and_none_is_empty(text: str, chunk: Any) -> None:
    pieces = split_text(text, chunk)
    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text())
def test_a_word_piece_holds_at_most_one_word(text: str) -> None:
    assert all(len(piece.split()) <= 1 for piece in split_text(text, "word"))


@pytest.mark.parametrize(
    ("chunk", "pieces"),
    [
        ("word", ["  one ", "two\n\n", "three"]),
        ("all", ["  one two\n\nthree"]),
        (6, ["  one ", "two\n\nt", "hree"]),
        ("char", list("  one two\n\nthree")),
    ],
)
def test_a_text_is_cut_as_asked(chunk: Any, pieces: list[str]) -> None:
    assert list(split_text("  one two\n\nthree", chunk)) == pieces


def test_white_space_alone_is_one_word_piece() -> None:
    assert list(split_text(" \n ", "word")) == [" \n "]


def test_a_combining_mark_stays_with_its_letter() -> None:
    assert split_text("e\u0301\u0323a🎉", "char") == ["e\u0301\u0323", "a", "🎉"]
