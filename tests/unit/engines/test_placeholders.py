from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.engines.placeholders import Placeholders


def test_prompt_and_turn_are_filled_in_and_other_braces_stay() -> None:
    placeholders = Placeholders(prompt="hi", turn=3)
    assert (
        placeholders.fill('{"a": {prompt}, {{turn}} {} {0} {prompt!r} {else}')
        == '{"a": hi, {3} {} {0} {prompt!r} {else}'
    )


@given(st.text())
def test_braces_in_a_prompt_are_not_filled_again(prompt: str) -> None:
    assert Placeholders(prompt="{turn}" + prompt, turn=1).fill("{prompt}") == "{turn}" + prompt


def test_texts_inside_of_a_value_are_filled_and_keys_stay() -> None:
    value = {"{turn}": ["{turn}", {"a": "{prompt}"}, 1, None, True]}
    assert Placeholders(prompt="hi", turn=2).fill_all(value) == {"{turn}": ["2", {"a": "hi"}, 1, None, True]}
