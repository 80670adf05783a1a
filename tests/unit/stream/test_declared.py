"""Payloads declared in Python are protobuf messages like any other."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import msgspec
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.contracts.encode import json_bytes, json_name
from webchat_nb.contracts.v1 import entities_pb2
from webchat_nb.errors import PayloadTypeError
from webchat_nb.stream import (
    Append,
    Event,
    Hub,
    LoggedEvent,
    Op,
    SchemaRegistry,
    Upsert,
    json_value,
    payload,
    payload_field,
    session_id,
)
from webchat_nb.stream.schema_fields import SchemaField, fields_of
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.fold import Fold, rows_timeline

Slug = NewType("Slug", str)


class Mood(StrEnum):
    CALM = "calm"
    LOUD = "loud"


@payload
class Step(Message):
    """One step of a recipe."""

    text: str = ""
    minutes: int = 0


@payload
class Recipe(Message):
    title: str
    servings: int = 0
    weight_kg: float = 0.0
    is_vegan: bool = False
    photo: bytes = b""
    tags: list[str] = payload_field(default_factory=list)
    grams: dict[str, int] = payload_field(default_factory=dict)
    steps: list[Step] = payload_field(default_factory=list)
    steps_by_day: dict[int, Step] = payload_field(default_factory=dict)
    note: str | None = None
    best: Step | None = None
    status: Literal["draft", "done", ""] = ""
    mood: Mood
    slug: Annotated[Slug, "of the page"]
    at: Timestamp
    author: entities_pb2.ChatMessage
    extra: dict[str, Any] = payload_field(default_factory=dict)
    anything: Any = None
    items: list[Any] = payload_field(default_factory=list)
    variants: list[Recipe] = payload_field(default_factory=list)


@payload
class PlainRecipe(Message):
    """The kinds of fields that the quick encoder reads itself."""

    title: str = ""
    servings: int = 0
    is_vegan: bool = False
    photo: bytes = b""
    tags: list[str] = payload_field(default_factory=list)
    grams: dict[str, int] = payload_field(default_factory=dict)
    is_in: dict[bool, str] = payload_field(default_factory=dict)
    steps: list[Step] = payload_field(default_factory=list)
    steps_by_day: dict[int, Step] = payload_field(default_factory=dict)
    note: str | None = None
    best: Step | None = None
    variants: list[PlainRecipe] = payload_field(default_factory=list)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
integers = st.integers(-(2**63), 2**63 - 1)
steps = st.builds(Step, text=words, minutes=integers)
plain_fields: dict[str, st.SearchStrategy[Any]] = {
    "title": words,
    "servings": integers,
    "is_vegan": st.booleans(),
    "photo": st.binary(max_size=5),
    "tags": st.lists(words, max_size=3),
    "grams": st.dictionaries(words, integers, max_size=3),
    "steps": st.lists(steps, max_size=3),
    "steps_by_day": st.dictionaries(integers, steps, max_size=3),
    "note": st.none() | words,
    "best": st.none() | steps,
}
json_values = st.recursive(
    st.none() | st.booleans() | words | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
plain_recipes = st.recursive(
    st.fixed_dictionaries({}, optional={**plain_fields, "is_in": st.dictionaries(st.booleans(), words)}).map(
        lambda fields: PlainRecipe(**fields)
    ),
    lambda inner: st.lists(inner, max_size=2).map(lambda variants: PlainRecipe(variants=variants)),
    max_leaves=4,
)
recipes = st.fixed_dictionaries(
    {},
    optional={
        **plain_fields,
        "weight_kg": st.floats(allow_nan=False),
        "status": st.sampled_from(["draft", "done", ""]),
        "mood": st.sampled_from(Mood),
        "slug": words,
        "at": st.integers(0, 2**31).map(lambda seconds: Timestamp(seconds=seconds)),
        "author": st.builds(entities_pb2.ChatMessage, content=words, streaming=st.booleans()),
        "extra": st.dictionaries(words, json_values, max_size=3),
        "anything": json_values.map(json_value),
        "items": st.lists(json_values, max_size=3),
    },
).map(lambda fields: Recipe(**fields))


@pytest.mark.rule("SC3")
@given(st.one_of(plain_recipes, recipes))
def test_a_declared_message_goes_through_bytes_and_json_unchanged(message: Message) -> None:
    assert type(message).FromString(message.SerializeToString()) == message
    encoded = json_bytes(message)
    assert msgspec.json.decode(encoded) == json_format.MessageToDict(message)
    assert json_format.Parse(encoded, type(message)()) == message


@pytest.mark.rule("SC3")
def test_fields_are_what_they_were_declared_as() -> None:
    recipe = Recipe(title="Soup", grams={"salt": 3}, steps=[Step(text="stir")], extra={"a": [1, None]}, mood=Mood.LOUD)
    recipe.steps_by_day[2].minutes = 5
    assert (recipe.title, dict(recipe.grams), recipe.steps[0].text) == ("Soup", {"salt": 3}, "stir")
    assert (recipe.mood, recipe.steps_by_day[2].minutes, recipe.extra["a"][0]) == ("loud", 5, 1)
    assert not recipe.HasField("note") and recipe.note == ""
    assert Recipe(note="").HasField("note") and not Recipe(note=None).HasField("note")
    with pytest.raises(ValueError, match="flavour"):
        Recipe(flavour="mint")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Recipe(servings="four")  # type: ignore[arg-type]


def test_a_declared_class_is_named_and_documented_as_it_was_written() -> None:
    assert (Step.__name__, Step.__qualname__, Step.__module__, Step.__doc__) == (
        "Step", "Step", __name__, "One step of a recipe.",
    )  # fmt: skip
    assert Step.DESCRIPTOR.full_name == f"{__name__}.Step"


@pytest.mark.rule("SC4")
def test_the_fields_of_declared_and_generated_messages_are_told_alike() -> None:
    described = {field.name: field for field in fields_of(Recipe)}
    assert described["weightKg"] == SchemaField(name="weightKg", type="double")
    assert described["tags"] == SchemaField(name="tags", type="string", repeated=True)
    assert described["grams"].type == "map<string, int64>"
    assert described["stepsByDay"] == SchemaField(name="stepsByDay", type=f"map<int64, {__name__}.Step>")
    assert described["steps"] == SchemaField(name="steps", type=f"{__name__}.Step", repeated=True)
    assert described["extra"].type == "google.protobuf.Struct"
    assert list(described) == [json_name(name) for name in Recipe.DESCRIPTOR.fields_by_name]
    generated = fields_of(entities_pb2.ChatMessage)
    assert generated[0] == SchemaField(name="messageId", type="string")
    assert msgspec.to_builtins(generated[0]) == {"name": "messageId", "type": "string"}


@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,12}", fullmatch=True))
def test_names_in_json_are_those_of_protobuf(name: str) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="names.proto", syntax="proto3")
    file.message_type.add(name="Names").field.add(name=name, number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    assert json_name(name) == pool.FindMessageTypeByName("Names").fields[0].json_name


# Declared again


def declare_point(**fields: Any) -> type[Message]:
    """What a notebook cell does each time it is run."""
    body = {"__annotations__": {name: spec[0] for name, spec in fields.items()}, "__module__": "__main__"}
    defaults = {name: spec[1] for name, spec in fields.items() if spec[1:]}
    return payload(type("Point", (Message,), {**body, **defaults}))


@pytest.mark.rule("SC3")
def test_a_cell_can_be_run_again_with_the_same_and_with_other_fields() -> None:
    first = declare_point(x=(int,))
    wider = declare_point(x=(int,), label=(str,))
    other = declare_point(x=(str,))
    assert len({first, wider, other}) == 3
    assert declare_point(x=(int,)) is first and declare_point(x=(str,)) is other
    assert {point.__name__ for point in (first, wider, other)} == {"Point"}
    assert json_bytes(wider(label="a")) == b'{"label":"a"}'
    registry = SchemaRegistry()
    registry.event("PointMoved", wider)
    with pytest.raises(PayloadTypeError, match=r"expected __main__\.r\d\.Point"):
        registry.check("event", "PointMoved", other())


@pytest.mark.rule("SC3")
def test_what_was_stored_is_read_by_a_declaration_that_grew_at_its_end() -> None:
    stored = declare_point(x=(int,), y=(int,))(x=1, y=2).SerializeToString()
    grown: Any = declare_point(x=(int,), y=(int,), label=(str,)).FromString(stored)
    assert (grown.x, grown.y, grown.label) == (1, 2, "")
    renamed: Any = declare_point(left=(int,), top=(int,)).FromString(stored)
    assert (renamed.left, renamed.top) == (1, 2)
    without: Any = declare_point(y=(int, payload_field(number=2)), label=(str,)).FromString(stored)
    assert (without.y, without.label) == (2, "")
    assert [field.number for field in without.DESCRIPTOR.fields] == [2, 3]


# Refusals


def declared(annotation: object, default: object = ...) -> Callable[[], object]:
    spec = (annotation,) if default is ... else (annotation, default)
    return lambda: declare_point(x=(int,), y=spec)


class Inherited:
    x: int


class WithMethod:
    x: int

    def double(self) -> int:
        return self.x * 2


class WithoutAnnotation:
    x = 1


class Unknown:
    x: int
    y: list[Nowhere]  # type: ignore[name-defined]  # noqa: F821


def foreign() -> type[Message]:
    """A message class of another descriptor pool."""
    file = descriptor_pb2.FileDescriptorProto(name="foreign.proto", package="foreign", syntax="proto3")
    file.message_type.add(name="Thing")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("foreign.Thing"))


@pytest.mark.rule("SC3")
@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (declared(set[str]), r"payload Point, field y: set\[str\]: expected str, int"),
        (declared(list), "field y: list: expected"),
        (declared(dict), "field y: dict: expected"),
        (declared(object), "field y: object: expected"),
        (declared(Message), "field y: .*Message: expected"),
        (declared(tuple[int, int]), "field y: tuple"),
        (declared(IntEnum), "field y: .*IntEnum.*: expected"),
        (declared(Literal[1, 2]), "field y: .*Literal"),
        (declared(list[list[int]]), r"field y: list\[int\]: expected"),
        (declared(dict[str, list[int]]), r"field y: list\[int\]: expected"),
        (declared(list[int | None]), r"field y: int \| None: expected"),
        (declared(dict[float, int]), "field y: keys of type float: expected str, int or bool"),
        (declared(int | str), r"field y: int \| str: a field has one type"),
        (declared(list[int] | None), "field y: a list or dict that may be None"),
        (declared(foreign()), r"field y: foreign\.Thing: its descriptor pool"),
        (declared(int, 1), "field y: default 1: expected its zero"),
        (declared(str | None, ""), "field y: default '': expected None"),
        (declared(int, payload_field(number=0)), "field y: number 0: expected 1 to"),
        (declared(int, payload_field(number=19_500)), "field y: number 19500"),
        (declared(int, payload_field(number=2**29)), "field y: number 536870912"),
        (declared(int, payload_field(number=1)), "field y: number 1 is that of x"),
        (lambda: declare_point(a_b=(int,), aB=(int,)), "field aB: in JSON it would be 'aB', as a_b is"),
        (lambda: declare_point(_x=(int,)), "field _x: expected a name of letters"),
        (lambda: declare_point(größe=(int,)), "field größe: expected a name of letters"),
        (lambda: declare_point(Clear=(int,)), "field Clear: every message has a method of this name"),
        (lambda: payload(Unknown), "payload Unknown, field y: name 'Nowhere' is not defined"),
        (lambda: payload(WithMethod), "payload WithMethod: double has no type annotation"),
        (lambda: payload(WithoutAnnotation), "payload WithoutAnnotation: x has no type annotation"),
        (lambda: payload(type("Heir", (Inherited,), {})), "payload Heir: a message cannot inherit"),
        (lambda: payload(type("Größe", (), {})), "payload Größe: expected a name of"),
    ],
)
def test_what_cannot_be_declared_is_refused_by_name(declare: Callable[[], object], told: str) -> None:
    with pytest.raises(PayloadTypeError, match=told):
        declare()


# In the stream


KITCHEN = session_id("kitchen")


class KitchenProjections:
    """A recipe whose note grows, an optional field of a message with floats and JSON."""

    def project_timeline(self, event: LoggedEvent, session: object, view: object) -> list[Op]:
        payload: Any = event.payload
        if event.name == "RecipeWritten":
            return [Upsert("Recipe", "soup", payload)]
        return [Append("Recipe", "soup", "note", payload.text)]

    def project_ui(self, event: LoggedEvent, session: object, view: object) -> list[Any]:
        return []

    def project_attributes(self, event: LoggedEvent, session: object, view: object) -> dict[str, str]:
        return {}


def kitchen(path: Path) -> Hub:
    registry = SchemaRegistry()
    registry.event("RecipeWritten", Recipe)
    registry.event("StepTold", Step)
    registry.entity("Recipe", Recipe)
    return Hub(registry=registry, store=SQLiteStore(path), projections=KitchenProjections())


@pytest.mark.rule("SC3", "FR6")
async def test_a_declared_payload_is_stored_grows_and_comes_back(tmp_path: Path) -> None:
    recipe = Recipe(title="Soup", weight_kg=math.pi, extra={"a": {"b": [1, "c", None]}}, variants=[Recipe(title="Hot")])
    hub = kitchen(tmp_path / "a.db")
    await hub.start()
    watcher, fold = await hub.subscribe(KITCHEN), Fold()
    fold.hydrate(watcher.hydration)
    await hub.publish(Event(session_id=KITCHEN, name="RecipeWritten", payload=recipe))
    for text in ("Boil ", "it. ", "😀"):
        await hub.publish(Event(session_id=KITCHEN, name="StepTold", payload=Step(text=text)))
    await hub.shutdown()
    for delivery in watcher.take():
        fold.apply(delivery)
    again = kitchen(tmp_path / "a.db")
    await again.start()
    entity = await again.entity(KITCHEN, "Recipe", "soup")
    expected = Recipe()
    expected.CopyFrom(recipe)
    expected.note = "Boil it. 😀"
    assert entity is not None and entity.payload == expected
    assert fold.timeline == rows_timeline((await again.snapshot(KITCHEN)).entities)
    await again.shutdown()
