"""Forms that a person fills in, checked on a thread: a large one takes its time, and the first one an import.

Rule: TL4, TL5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from webchat_nb.chat.tools.schemas.json_schemas import check_schema, check_value


async def check_form(schema: Mapping[str, Any], path: str) -> None:
    """See that something is the JSON Schema of an object.

    Raises:
        BadRequestError: It is none; the message begins with the path of what is wrong.
    """
    await asyncio.to_thread(check_schema, schema, path)


async def check_filled_in(value: Mapping[str, Any], schema_text: str, path: str) -> None:
    """See that what was filled in fits a form.

    Args:
        value: What was filled in.
        schema_text: The form's JSON Schema.
        path: What the value is called in the message.

    Raises:
        BadRequestError: It does not fit; the message begins with the path.
    """
    await asyncio.to_thread(check_value, value, msgspec.json.decode(schema_text), path)
