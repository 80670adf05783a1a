"""The schema registry: which name carries which message type.

Rule: SC1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from webchat_nb.errors import DuplicateNameError, PayloadTypeError, UnknownNameError

Category = Literal["command", "event", "ui_event", "entity"]


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """One registered name.

    Attributes:
        private: Only for entities: kept in the store, never in a snapshot, page or frame.
    """

    category: Category
    name: str
    message: type[Message]
    private: bool = False


@final
class SchemaRegistry:
    """Every command, event, UI event and entity kind, each registered once with a concrete message type."""

    def __init__(self) -> None:
        self._schemas: dict[tuple[Category, str], Schema] = {}
        self._types: dict[Category, dict[str, type[Message]]] = {
            "command": {},
            "event": {},
            "ui_event": {},
            "entity": {},
        }
        self._private: frozenset[str] = frozenset()

    def command(self, name: str, message: type[Message]) -> None:
        """Register a command; see ``register``."""
        self.register(Schema(category="command", name=name, message=message))

    def event(self, name: str, message: type[Message]) -> None:
        """Register an event; see ``register``."""
        self.register(Schema(category="event", name=name, message=message))

    def ui_event(self, name: str, message: type[Message]) -> None:
        """Register a UI event type; see ``register``."""
        self.register(Schema(category="ui_event", name=name, message=message))

    def entity(self, kind: str, message: type[Message], *, private: bool = False) -> None:
        """Register an entity kind; see ``register``."""
        self.register(Schema(category="entity", name=kind, message=message, private=private))

    def register(self, schema: Schema) -> None:
        """Bind a name to a message type.

        Raises:
            DuplicateNameError: The name is taken in its category. The first binding stays.
            PayloadTypeError: The type is no concrete message type of its own, such as ``google.protobuf.Struct``.
        """
        message = schema.message
        if not _is_message_type(message):
            raise PayloadTypeError(
                f"{schema.category} {schema.name!r}: expected a protobuf message type, got {message!r}"
            )
        if message.DESCRIPTOR.full_name.startswith("google.protobuf."):
            raise PayloadTypeError(
                f"{schema.category} {schema.name!r}: {message.DESCRIPTOR.full_name} is open-ended; "
                "wrap it in a field of a message of its own"
            )
        key = (schema.category, schema.name)
        if key in self._schemas:
            raise DuplicateNameError(f"{schema.category} {schema.name!r} is registered already")
        self._schemas[key] = schema
        self._types[schema.category][schema.name] = message
        if schema.private:
            self._private |= {schema.name}

    def check(self, category: Category, name: str, payload: Message) -> None:
        """Refuse a payload that is not of the type registered for the name.

        Raises:
            UnknownNameError: The name is not registered.
            PayloadTypeError: The payload has another type.
        """
        if type(payload) is not self._types[category].get(name):
            expected = self.message_type(category, name)
            raise PayloadTypeError(
                f"{category} {name!r}: expected {expected.DESCRIPTOR.full_name}, got {type(payload).__name__}"
            )

    def message_type(self, category: Category, name: str) -> type[Message]:
        """The type registered for a name.

        Raises:
            UnknownNameError: The name is not registered.
        """
        schema = self._schemas.get((category, name)) or self._unknown(category, name)
        return schema.message

    def from_json(self, category: Category, name: str, payload: bytes | str) -> Message:
        """Read protobuf JSON into the registered type; fields that the type does not have are passed over."""
        return json_format.Parse(payload, self.message_type(category, name)(), ignore_unknown_fields=True)

    def is_private(self, kind: str) -> bool:
        """Whether entities of this kind stay inside the server."""
        return kind in self._private

    @property
    def private_kinds(self) -> tuple[str, ...]:
        """The kinds that no client sees."""
        return tuple(sorted(self._private))

    def __iter__(self) -> Iterator[Schema]:
        return iter(self._schemas.values())

    def _unknown(self, category: Category, name: str) -> Schema:
        raise UnknownNameError(f"{category} {name!r} is not registered")


def _is_message_type(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Message) and candidate is not Message
