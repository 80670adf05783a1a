"""Types of arguments that msgspec does not know: paths, and what pydantic describes."""

from __future__ import annotations

import importlib
from pathlib import PurePath
from typing import Any, final

import msgspec


@final
class CustomTypes:
    """Schemas and values of such types, for one function. pydantic is imported only for types that are its own."""

    def __init__(self) -> None:
        self._adapters: dict[Any, Any] = {}

    def schema(self, kind: Any) -> dict[str, Any]:
        """JSON Schema of a type; a ``schema_hook`` of msgspec's.

        Raises:
            TypeError: It has none.
        """
        if isinstance(kind, type) and issubclass(kind, PurePath):
            return {"type": "string"}
        if hasattr(kind, "__get_pydantic_core_schema__"):
            return dict(self._adapter(kind).json_schema())
        raise TypeError(f"expected a type that JSON can hold, got {getattr(kind, '__qualname__', kind)}")

    def read(self, kind: Any, value: Any) -> Any:
        """A value of such a type, from what JSON says; a ``dec_hook`` of msgspec's.

        Raises:
            ValueError: It does not fit.
        """
        if not hasattr(kind, "__get_pydantic_core_schema__"):
            if not isinstance(value, str):
                raise ValueError("expected str")
            return kind(value)
        try:
            return self._adapter(kind).validate_json(msgspec.json.encode(value))
        except ValueError as error:
            raise ValueError(_in_one_line(error)) from None

    def _adapter(self, kind: Any) -> Any:
        if kind not in self._adapters:
            self._adapters[kind] = importlib.import_module("pydantic").TypeAdapter(kind)
        return self._adapters[kind]


def _in_one_line(error: Any) -> str:
    """What pydantic complains of; its own text has an address and takes several lines."""
    if not hasattr(error, "errors"):
        return str(error)
    said = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(step) for step in item["loc"])
        said.append(f"{place}: {item['msg']}" if place else item["msg"])
    return "; ".join(said)
