"""The JSON Schema of scripts, for editors: made of the records, never by hand.

``python -m webchat_nb.engines.script_schema`` writes ``script.schema.json`` anew; a test holds it up to date.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import msgspec

from webchat_nb.engines.script import Script

SCHEMA_PATH = Path(__file__).with_name("script.schema.json")


def script_schema() -> dict[str, Any]:
    """Make the schema (JSON Schema 2020-12)."""
    schema = msgspec.json.schema(Script)
    for record in schema["$defs"].values():
        # Before Python 3.13 a docstring keeps its indentation.
        record["description"] = inspect.cleandoc(record["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "webchat_nb script", **schema}


def schema_text() -> str:
    """Write the schema as the file holds it."""
    return msgspec.json.format(msgspec.json.encode(script_schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
