"""JSON Schemas that come from outside, and values that have to fit one.

The library that checks them takes a second or more to import, so it is imported when first something is checked. Where
somebody waits for the event loop, that is done on a thread: see ``forms``.

Rule: TL4, TL5, TL7. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def check_schema(schema: Mapping[str, Any], path: str, *, may_refer: bool = True) -> None:
    """See that something is the JSON Schema of an object.

    Args:
        schema: What came.
        path: What to call it in the message.
        may_refer: Whether it may have references into itself; those to elsewhere are never followed.

    Raises:
        BadRequestError: It is none; the message begins with the path of what is wrong.
    """
    from webchat_nb.chat.tools.schemas import schema_checks

    schema_checks.check_schema(schema, path, may_refer=may_refer)


def check_value(value: Any, schema: Mapping[str, Any], path: str) -> None:
    """See that a value fits a schema that was checked.

    Raises:
        BadRequestError: It does not, or that could not be found out in time; the message begins with the path.
    """
    from webchat_nb.chat.tools.schemas import schema_checks

    schema_checks.check_value(value, schema, path)
