"""JSON Schemas from outside: checked, and never too dear to check values against."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from webchat_nb.chat.tools.schemas.json_schemas import check_schema, check_value
from webchat_nb.errors import BadRequestError

pytestmark = pytest.mark.rule("TL7")


def form(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}}


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        ({"days": "x"}, form(days={"type": "integer"}), r"^input\.days: 'x' is not of type 'integer'$"),
        ({"a": [1, {"b": 2}]}, form(a={"items": {"properties": {"b": {"type": "null"}}}}), r"^input\.a\[1\]\.b: "),
        ({}, form() | {"required": ["a"]}, r"^input: 'a' is a required property$"),
        ({"a": "b"}, form(a={"pattern": "^a+$"}), r"^input\.a: 'b' does not match"),
        ({"ab": 1, "c": 1}, {"patternProperties": {"^a": {"type": "string"}}}, r"^input\.ab: "),
        ({"a": 1, "b": 1}, form(a={}) | {"additionalProperties": False}, r"^input: 'b' is not expected$"),
        ({"a": 1, "b": 1}, form(a={}) | {"additionalProperties": {"type": "string"}}, r"^input\.b: "),
        ({"a": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]}, form(a={"uniqueItems": True}), r"^input\.a: expected each item"),
        ({"a": 5}, form(a={"$ref": "#/$defs/n"}) | {"$defs": {"n": {"maximum": 4}}}, r"^input\.a: 5 is greater"),
        ([], form(), "^input: "),
    ],
)
def test_what_does_not_fit_says_where(value: Any, schema: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        check_value(value, schema, "input")


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"days": 3}, form(days={"type": "integer"})),
        ({"a": "aa", "b": 1}, form(a={"pattern": "^a+$"}) | {"additionalProperties": True}),
        ({"a1": 1}, {"type": "object", "patternProperties": {"^a": {}}, "additionalProperties": False}),
        ({"a": [1, 2, "1"]}, form(a={"uniqueItems": True})),
        ({"a": "x"}, form(a={"pattern": "("})),
        ({"a": {"a": {}}}, form(a={"$ref": "#"})),
        ({"a": 1}, form() | {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "http://example.org/"}),
    ],
)
def test_what_fits_is_taken(value: Any, schema: dict[str, Any]) -> None:
    check_schema(schema, "schema")
    check_value(value, schema, "input")


@pytest.mark.rule("AC6")
@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": "a" * 60 + "!"}, form(a={"pattern": "^(a|aa)+$"})),
        ({"a" * 60 + "!": 1}, {"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False}),
        ({"a": 1}, {"$ref": "#"}),
        ({"a": 1}, {"$ref": "#/$defs/d0", "$defs": DOUBLING}),
        ({"a": 1}, {"$ref": "#/$defs/nowhere"}),
        ({"a": 1}, {"$ref": "http://127.0.0.1:1/schema.json"}),
        ({"a": list(range(20_000))}, form(a={"items": {"allOf": [{}] * 5000}})),
        ({"a": [f"a{n}" for n in range(20_000)]}, form(a={"items": {"pattern": "^a"}})),
    ],
)
def test_a_check_that_would_take_too_long_is_given_up(value: Any, schema: dict[str, Any]) -> None:
    begun_s = time.monotonic()
    with pytest.raises(BadRequestError, match=r"^input: its schema is too hard to check"):
        check_value(value, schema, "input")
    assert time.monotonic() - begun_s < 10


def test_nothing_is_loaded_from_elsewhere() -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            schema = {"type": "object", "$ref": f"http://127.0.0.1:{server.server_port}/schema.json"}
            with pytest.raises(BadRequestError, match="refers to something else"):
                check_value({}, schema, "input")
        finally:
            server.shutdown()
            thread.join()
    assert not asked


def test_many_items_that_have_to_differ_are_looked_at_once() -> None:
    begun_s = time.monotonic()
    check_value({"a": [{"n": n} for n in range(50_000)]}, form(a={"uniqueItems": True}), "input")
    assert time.monotonic() - begun_s < 10


def test_a_schema_has_to_be_one() -> None:
    deep: dict[str, Any] = {"type": "object"}
    inner = deep
    for _ in range(3000):
        inner["not"] = {}
        inner = inner["not"]
    for schema, message in (
        ({}, r"^s\.type: expected 'object', got 'None'"),
        ({"type": "string"}, r"^s\.type: "),
        (form(a={"type": "integr"}), r"^s\.properties\.a\.type: "),
        (form(a={"minimum": "1"}), r"^s\.properties\.a\.minimum: "),
        (form(a={"anyOf": [{"$ref": "x.json"}]}), r"^s\.properties\.a\.anyOf\[0\]\.\$ref: "),
        (deep, "^s: nested too deeply"),
    ):
        with pytest.raises(BadRequestError, match=message):
            check_schema(schema, "s")
    check_schema(form(a={"$ref": "#/properties/b"}, b={}), "s")
    with pytest.raises(BadRequestError, match="reference"):
        check_schema(form(a={"$ref": "#/properties/b"}, b={}), "s", may_refer=False)
