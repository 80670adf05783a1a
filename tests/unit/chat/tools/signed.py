"""Types that functions take as arguments, and what a signature says of such a function."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

from webchat_nb.chat.tools.functions.signatures import Signature
from webchat_nb.errors import ToolError


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclasses.dataclass
class Place:
    city: str
    country: str = "FR"


class Box(msgspec.Struct):
    """A box on the map."""

    corner: Place
    title: str


class Options(TypedDict):
    verbose: bool
    level: NotRequired[int]


class Tree(msgspec.Struct):
    name: str
    leaves: list[Tree] = []


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, description="In years.")
    friends: list[Person] = []


class Order(pydantic.BaseModel):
    """An order."""

    sent: Place
    count: int = 1


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    properties: dict[str, Any] = Signature(function).input_schema["properties"]
    return properties


def refused(function: Callable[..., Any], text: str) -> str:
    with pytest.raises(ToolError) as caught:
        Signature(function).read(text)
    return caught.value.message
