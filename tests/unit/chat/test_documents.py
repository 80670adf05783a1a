from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.chat.document_formats import MAX_VALUES
from webchat_nb.chat.documents import convert, parse_document, plain_document, read_document
from webchat_nb.errors import ConfigError


class Pet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: Literal["cat", "dog"] = "cat"
    age: Annotated[int, msgspec.Meta(ge=0)] = 0
    notes: dict[str, int] = {}


class House(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pets: tuple[Pet, ...]


YAML = "# a house\npets:\n  - name: Tom\n  - {name: Rex, kind: dog}\n"
JSON = '{\n\t"pets": [\n\t\t{"name": "Tom"},\n\t\t{"name": "Rex",\n\t\t "kind": "dog"}\n\t]\n}'
TOML = '# a house\n[[pets]]\nname = "Tom"\n[[pets]]\nname = "Rex"\nkind = "dog"\n'


def problem(text: str, form: Any = "yaml", record: Any = House) -> str:
    with pytest.raises(ConfigError) as caught:
        convert(parse_document(text, form, source="f"), record)
    return str(caught.value)


@pytest.mark.parametrize(("form", "text"), [("yaml", YAML), ("json", JSON), ("toml", TOML)])
def test_the_three_syntaxes_say_the_same(form: Any, text: str) -> None:
    assert convert(parse_document(text, form, source="f"), House) == House((Pet("Tom"), Pet("Rex", "dog")))


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [("yaml", YAML, 4), ("json", JSON, 5), ("toml", TOML, 6)],
)
def test_a_wrong_value_is_told_with_line_key_and_choices(form: Any, text: str, line: int) -> None:
    found = problem(text.replace("dog", "cow"), form)
    assert found == f"f:{line}: pets[1].kind: expected 'cat' or 'dog', got 'cow'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pets:\n  - name: 5\n", "f:2: pets[0].name: expected str, got int"),
        ("pets:\n  - nam: Tom\n", "f:2: pets[0].nam: expected one of name, kind, age, notes, got an unknown key"),
        ("pets:\n  -\n    kind: cat\n", "f:3: pets[0]: expected the key 'name', got none"),
        ("pets:\n  - name: Tom\n    age: -1\n", "f:3: pets[0].age: expected int >= 0, got -1"),
        ("pets:\n  - name: T\n    notes:\n      a: b\n", "f:3: pets[0].notes: expected int, got str"),
        ("pets: 5", "f:1: pets: expected array, got int"),
        ("- a\n", "f:1: expected object, got array"),
        ("", "f: expected object, got null"),
    ],
)
def test_every_error_says_where_what_was_expected_and_what_came(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize(
    ("form", "text", "start"),
    [
        ("yaml", "a: 1\nb: [1,\nc: }", "f:3: expected YAML: "),
        ("yaml", "a: 1\n---\nb: 2", "f:2: expected YAML: "),
        ("yaml", "a: 1\nb: \x01", "f:2: expected printable text"),
        ("yaml", "a: 1\nb: *nobody", "f:2: expected YAML: "),
        ("yaml", "a: 1\nb: !!python/object:os.system x", "f:2: expected a plain value, got !!python/object"),
        ("yaml", "a: !thing {b: 1}", "f:1: expected a mapping, got !thing"),
        ("yaml", "a: !!int x", "f:1: expected a plain value"),
        ("yaml", "a:\n  1: x", "f:2: expected a text as key, got 1; quote it"),
        ("json", '{"a": 1,\n "b": }', "f:2: expected JSON: Expecting value (column 7)"),
        ("json", '{"a": NaN}', "f: expected JSON: it has no NaN"),
        ("toml", "a = 1\nb = \n", "f:2: expected TOML: "),
    ],
)
def test_broken_syntax_is_told_with_its_line(form: Any, text: str, start: str) -> None:
    assert problem(text, form).startswith(start)


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("yaml", "a:\n  b: 1\n  c: 2\n  b: 3\n", "f:4: a.b: expected each key once, got it in line 2 too"),
        ("json", '{"a": {\n"b": 1,\n"b": 2}}', "f:3: a.b: expected each key once, got it in line 2 too"),
        ("toml", "a = 1\na = 2\n", "f:2: expected TOML: Cannot overwrite a value"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(form: Any, text: str, message: str) -> None:
    assert problem(text, form).startswith(message)


@pytest.mark.parametrize("word", ["yes", "no", "on", "12:30", "010", "2024-01-01", "1_000", ".inf"])
def test_what_only_old_yaml_takes_for_something_else_is_a_text(word: str) -> None:
    assert parse_document(f"a: {word}", "yaml", source="f").data == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("~", None), ("", None), ("-7", -7), ("0x1f", 31), ("0o17", 15), ("1.5", 1.5), ("1e3", 1000.0)],
)
def test_plain_yaml_values_have_their_types(word: str, value: object) -> None:
    assert parse_document(f"a: {word}", "yaml", source="f").data == {"a": value}


def test_yaml_anchors_and_merges_work_and_keep_their_lines() -> None:
    text = "base: &base\n  name: Tom\npet:\n  <<: *base\n  name: Rex\n  age: 3\n"
    document = parse_document(text, "yaml", source="f")
    assert document.data["pet"] == {"name": "Rex", "age": 3}
    assert document.lines["pet", "name"] == 5


def test_an_alias_to_what_it_is_in_is_refused() -> None:
    assert problem("a: &a\n  b: *a\n") == "f:1: expected an alias to something else, got one to what it is in"


def test_aliases_that_multiply_each_other_are_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    assert f"expected at most {MAX_VALUES} values" in problem("\n".join(rows))


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_nesting_without_end_is_an_error_and_no_crash(form: Any) -> None:
    assert problem("[" * 100_000, form).startswith("f")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_half_a_surrogate_pair_is_refused(form: Any) -> None:
    assert (
        problem('{"a": ["\\ud83d"]}', form) == "f:1: a[0]: expected Unicode text, got half a surrogate pair '\\ud83d'"
    )


def test_toml_lines_are_those_of_headers_and_keys() -> None:
    text = 'a = """\nb = 1\n"""\n\n[[pets]]\nname = "Tom"\n[pets.notes]\nx = 1\n[[pets]]\n"na.me" = 1\no.p = 2\n'
    lines = parse_document(text, "toml", source="f").lines
    assert lines == {
        ("a",): 1,
        ("pets",): 5,
        ("pets", 0): 5,
        ("pets", 0, "name"): 6,
        ("pets", 0, "notes"): 7,
        ("pets", 0, "notes", "x"): 8,
        ("pets", 1): 9,
        ("pets", 1, "na.me"): 10,
        ("pets", 1, "o", "p"): 11,
    }


def test_a_key_whose_line_toml_does_not_tell_has_the_line_around_it() -> None:
    assert problem("\npets = [\n  {name = 5},\n]", "toml") == "f:2: pets[0].name: expected str, got int"
    assert problem("", "toml") == "f: expected the key 'pets', got none"


def test_toml_dates_become_their_iso_text() -> None:
    assert parse_document("a = [2024-01-02]", "toml", source="f").data == {"a": ["2024-01-02"]}


def test_plain_data_is_checked_without_lines() -> None:
    with pytest.raises(ConfigError, match=r"^c\.Chat\.house: pets: expected array, got int$"):
        convert(plain_document({"pets": 1}, source="c.Chat.house"), House)


def test_a_label_stands_between_the_key_and_the_message() -> None:
    with pytest.raises(ConfigError, match=r"^f:1: pets: all of them: expected array, got int$"):
        convert(parse_document("pets: 1", "yaml", source="f"), House, label=lambda path: "all of them")


def test_a_file_is_read_by_the_end_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "house.YML"
    path.write_text("\ufeff" + YAML, encoding="utf-8")
    document = read_document(path)
    assert document.source == str(path)
    assert document.data["pets"][0] == {"name": "Tom"}


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"house\.yaml: expected a readable file, got: No such file"):
        read_document(tmp_path / "house.yaml")
    with pytest.raises(ConfigError, match=r"expected a file ending in \.yaml, \.yml, \.json, \.toml, got 'house\.txt'"):
        read_document(tmp_path / "house.txt")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: expected UTF-8, got byte 0xe9"):
        read_document(tmp_path / "latin.yaml")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_json_is_read_as_it_was_written(value: Any) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    assert parse_document(text, "json", source="f").data == value
