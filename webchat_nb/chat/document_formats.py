"""YAML, JSON and TOML text as plain data, with the line of every key.

YAML is read by the rules of YAML 1.2: ``yes``, ``no``, ``on``, ``12:30``, ``010`` and ``2024-01-01`` are texts, as they are
in a sentence. All three refuse a key that is there twice, and whatever JSON has no form for.

Source: YAML 1.2.2 §10.3 (core schema), RFC 8259, TOML 1.0.
"""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, Literal

import yaml

from webchat_nb.errors import ConfigError

KeyPath = tuple[str | int, ...]
Lines = dict[KeyPath, int]
Format = Literal["yaml", "json", "toml"]

MAX_VALUES = 200_000
"""Values in one document; aliases that multiply each other would otherwise fill the memory."""


def read_text(text: str, form: Format, source: str) -> tuple[Any, Lines]:
    """Read a document.

    Args:
        text: The whole document.
        form: Which syntax it is in.
        source: What errors call it, such as the file's path.

    Returns:
        The data (dict, list, str, int, float, bool, None), and the lines (from 1) of those keys where they are known.
        YAML knows all of them, JSON nearly always, TOML those that stand at the beginning of a line.

    Raises:
        ConfigError: It is not valid; the message says the line.
    """
    return _READERS[form](text, source)


def format_path(path: KeyPath) -> str:
    """Write a key path as a person would: ``profiles[0].slug``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


class _Yaml(yaml.SafeLoader):
    """The safe loader with the implicit types of YAML 1.2."""


_Yaml.yaml_implicit_resolvers = {}
_TAG = "tag:yaml.org,2002:"
_Yaml.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Yaml.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Yaml.add_implicit_resolver(
    _TAG + "int", re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)
_Yaml.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"^[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+.0123456789"),
)
_Yaml.add_implicit_resolver(_TAG + "merge", re.compile(r"^<<$"), ["<"])
_SCALAR_TAGS = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str"))


class _YamlReader:
    """Builds data and lines from one document's nodes."""

    def __init__(self, text: str, source: str) -> None:
        self._loader = _Yaml(text)
        self._source = source
        self._open: set[int] = set()
        self._value_count = 0
        self.lines: Lines = {}

    def read(self) -> Any:
        try:
            node = self._loader.get_single_node()
            if node is None:
                return None
            self.lines[()] = node.start_mark.line + 1
            return self._value(node, ())
        finally:
            self._loader.dispose()

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._value_count += 1
        if self._value_count > MAX_VALUES:
            raise self._error(node, f"expected at most {MAX_VALUES} values, got more")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "expected an alias to something else, got one to what it is in")
        self._open.add(id(node))
        value = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            if node.tag in _SCALAR_TAGS:
                return self._loader.construct_object(node)
        except (KeyError, ValueError):
            pass
        raise self._error(node, f"expected a plain value, got {node.tag.replace(_TAG, '!!')} {node.value[:40]!r}")

    def _sequence(self, node: yaml.Node, path: KeyPath) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode) or node.tag != _TAG + "seq":
            raise self._error(node, f"expected a list, got {node.tag}")
        items = []
        for index, item in enumerate(node.value):
            self.lines[*path, index] = item.start_mark.line + 1
            items.append(self._value(item, (*path, index)))
        return items

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        if node.tag != _TAG + "map":
            raise self._error(node, f"expected a mapping, got {node.tag}")
        first: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == _TAG + "merge":
                continue
            if key.tag != _TAG + "str":
                raise self._error(key, f"expected a text as key, got {self._loader.construct_object(key)!r}; quote it")
            if key.value in first:
                where = format_path((*path, key.value))
                raise self._error(key, f"{where}: expected each key once, got it in line {first[key.value]} too")
            first[key.value] = key.start_mark.line + 1
        self._loader.flatten_mapping(node)
        values = {}
        for key, value in node.value:
            self.lines[*path, key.value] = key.start_mark.line + 1
            values[key.value] = self._value(value, (*path, key.value))
        return values

    def _error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(f"{self._source}:{node.start_mark.line + 1}: {message}")


def _read_yaml(text: str, source: str) -> tuple[Any, Lines]:
    try:
        reader = _YamlReader(text, source)
        return reader.read(), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        reason = " ".join(part for part in (error.problem, error.context) if part)
        raise ConfigError(f"{source}{line}: expected YAML: {reason}") from None
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{source}:{number}: expected printable text, got character {error.character!r}") from None
    except RecursionError:
        raise ConfigError(f"{source}: expected less nesting") from None


def _read_json(text: str, source: str) -> tuple[Any, Lines]:
    # The YAML reader knows the lines. A tab is nothing but space in JSON, and the one thing that YAML may not like.
    reader = _YamlReader("", source)
    try:
        reader = _YamlReader(text.replace("\t", " "), source)
        reader.read()
    except (yaml.YAMLError, RecursionError):
        reader.lines = {}

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ConfigError(f"{source}: expected each key once, got one of {', '.join(values)} twice")
        return values

    def refuse(constant: str) -> Any:
        raise ConfigError(f"{source}: expected JSON: it has no {constant}")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse), reader.lines
    except json.JSONDecodeError as error:
        raise ConfigError(f"{source}:{error.lineno}: expected JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise ConfigError(f"{source}: expected less nesting") from None


def _read_toml(text: str, source: str) -> tuple[Any, Lines]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), (.*)\)", str(error), re.DOTALL)
        reason, line = (f"{found[1]} ({found[3]})", f":{found[2]}") if found else (str(error), "")
        raise ConfigError(f"{source}{line}: expected TOML: {reason}") from None
    return _without_dates(data), _toml_lines(text)


def _without_dates(value: Any) -> Any:
    """TOML has dates, JSON has none: they become their ISO text."""
    if isinstance(value, dict):
        return {key: _without_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_dates(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


def _toml_lines(text: str) -> Lines:
    """Lines of the headers and of the keys that begin a line; ``tomllib`` does not tell them."""
    lines: Lines = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    # What stands in a multi-line string is blanked: it may look like a key.
    text = re.sub(
        r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'', lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL
    )
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line):
            table = _toml_keys(header[2], counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, counts[table])
            lines[table] = number
        elif key := re.match(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=", line):
            lines.setdefault((*table, *_toml_keys(key[1], {})), number)
    return lines


def _toml_keys(dotted: str, counts: dict[KeyPath, int]) -> KeyPath:
    """The path of a dotted key; a table inside an array of tables belongs to the newest of them."""
    path: KeyPath = ()
    for name in re.findall(r"[\w-]+|\"[^\"]*\"|'[^']*'", dotted):
        if path in counts:
            path = (*path, counts[path])
        path = (*path, name.strip("\"'"))
    return path


_READERS: dict[Format, Callable[[str, str], tuple[Any, Lines]]] = {
    "yaml": _read_yaml,
    "json": _read_json,
    "toml": _read_toml,
}
