"""Files that people write by hand, checked so that every error says ``file:line: key.path: expected …, got …``.

A document is read (``read_document``, ``parse_document``, ``plain_document``), then ``convert`` makes a strict record of
it. What a record's type cannot say is checked by its owner, who raises ``document.error(path, message)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec

from webchat_nb.chat.document_formats import Format, KeyPath, format_path, read_text
from webchat_nb.errors import ConfigError

_T = TypeVar("_T")

FORMATS: Final[Mapping[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}
"""The syntax of a file, by the end of its name."""


@final
class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Plain data and where each of its keys stands.

    Attributes:
        source: What errors call it: a path, or the name of a setting.
        lines: Line by key path, where known; empty for data that was never a text.
    """

    data: Any
    source: str
    lines: Mapping[KeyPath, int] = {}

    def where(self, path: KeyPath) -> str:
        """Say ``file:line`` of a key, or of the innermost thing around it whose line is known."""
        for length in range(len(path), -1, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return f"{self.source}:{line}"
        return self.source

    def error(self, path: KeyPath, message: str) -> ConfigError:
        """Make the error that tells ``message`` about the key at ``path``; the caller raises it."""
        key = format_path(path)
        return ConfigError(f"{self.where(path)}: {key}: {message}" if key else f"{self.where(path)}: {message}")


def read_document(path: Path) -> Document:
    """Read a file whose name ends in ``.yaml``, ``.yml``, ``.json`` or ``.toml``.

    Raises:
        ConfigError: It is missing, not UTF-8, of another kind, or its syntax is broken.
    """
    return parse_content(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Read a file's bytes.

    Raises:
        ConfigError: It is missing, cannot be read, or is of another kind.
    """
    _form_of(path)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: expected a readable file, got: {reason}") from None


def parse_content(content: bytes, path: Path) -> Document:
    """Read a file's bytes as what the end of its name says.

    Raises:
        ConfigError: It is not UTF-8, of another kind, or its syntax is broken.
    """
    form = _form_of(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8, got byte 0x{error.object[error.start]:02x}") from None
    return parse_document(text.replace("\r\n", "\n").replace("\r", "\n"), form, source=str(path))


def _form_of(path: Path) -> Format:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise ConfigError(f"{path}: expected a file ending in {', '.join(FORMATS)}, got {path.name!r}")
    return form


def parse_document(text: str, form: Format, *, source: str) -> Document:
    """Read a text.

    Raises:
        ConfigError: The syntax is broken, a key is there twice, or a text holds half a surrogate pair.
    """
    data, lines = read_text(text, form, source)
    return plain_document(data, source=source, lines=lines)


def plain_document(data: Any, *, source: str, lines: Mapping[KeyPath, int] | None = None) -> Document:
    """Take data that is there already, such as a setting's value.

    Raises:
        ConfigError: A text in it is not valid Unicode.
    """
    document = Document(data=data, source=source, lines=lines or {})
    _check_texts(document, data, ())
    return document


def convert(document: Document, record: type[_T], *, label: Callable[[KeyPath], str] | None = None) -> _T:
    """Make a record of a document; unknown keys are errors where the record forbids them.

    Args:
        document: What was read.
        record: The msgspec type to make.
        label: Says what a place is called beside its key path, such as ``turn 3, step 4``; may answer ``""``.

    Raises:
        ConfigError: It does not fit; the message says where, what was expected and what came.
    """
    try:
        return msgspec.convert(document.data, record)
    except msgspec.ValidationError as error:
        path, message = explain(str(error), document.data, record)
    name = label(path) if label else ""
    raise document.error(path, f"{name}: {message}" if name else message)


def _check_texts(document: Document, value: Any, path: KeyPath) -> None:
    """Refuse half a surrogate pair here: later, no protobuf message could carry it."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_texts(document, item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_texts(document, item, (*path, index))
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            found = value[error.start]
            raise document.error(path, f"expected Unicode text, got half a surrogate pair {found!r}") from None


def explain(told: str, data: Any, record: type) -> tuple[KeyPath, str]:
    """Turn msgspec's message into a key path and a sentence of ours; msgspec tells the place in no other way.

    Args:
        told: The message of its ``ValidationError``.
        data: What was converted.
        record: The type that it was converted into.
    """
    found = re.fullmatch(r"(.*?)(?: - at (?:`key` in )?`\$([^`]*)`)?", told, re.DOTALL)
    text, place = (found[1], found[2] or "") if found else (told, "")
    path = _parse_path(place)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        return (*path, unknown[1]), f"expected one of {', '.join(_keys_at(record, path))}, got an unknown key"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text):
        return path, f"expected the key {missing[1]!r}, got none"
    value = _value_at(data, path)
    if text.startswith("Invalid enum value"):
        return path, f"expected {' or '.join(_choices_at(record, path))}, got {value!r}"
    text = text.replace("`", "").replace("Expected", "expected")
    return path, text if ", got" in text else f"{text}, got {_short(value)}"


def _parse_path(place: str) -> KeyPath:
    """``.profiles[0].slug`` as a path; msgspec does not name the key of a dict (``[...]``), so the path ends there."""
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", place.split("[...]")[0])
    return tuple(name or int(index) for name, index in steps)


def _value_at(data: Any, path: KeyPath) -> Any:
    for step in path:
        data = data[step]
    return data


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _keys_at(record: type, path: KeyPath) -> Sequence[str]:
    return [
        field.encode_name
        for kind in _kinds_at(record, path)
        if isinstance(kind, msgspec.inspect.StructType)
        for field in kind.fields
    ]


def _choices_at(record: type, path: KeyPath) -> Sequence[str]:
    choices: list[str] = []
    for kind in _kinds_at(record, path):
        if isinstance(kind, msgspec.inspect.LiteralType):
            choices.extend(repr(value) for value in kind.values)
        elif isinstance(kind, msgspec.inspect.EnumType):
            choices.extend(repr(item.value) for item in kind.cls)
        elif isinstance(kind, msgspec.inspect.IntType):
            choices.append("a whole number")
    return choices


def _kinds_at(record: type, path: KeyPath) -> list[msgspec.inspect.Type]:
    """Every type that the value at ``path`` may have."""
    kinds = _flatten(msgspec.inspect.type_info(record))
    for step in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    return kinds


def _inside(kind: msgspec.inspect.Type, step: str | int) -> list[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.StructType):
        return [inner for field in kind.fields if field.encode_name == step for inner in _flatten(field.type)]
    if isinstance(kind, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        return _flatten(kind.item_type)
    return []


def _flatten(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _flatten(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return [inner for each in kind.types for inner in _flatten(each)]
    return [kind]
