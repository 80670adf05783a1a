"""A conversation that has everything: what exports, imports and fixtures have to cope with."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.unit.chat.chats import ME, idle, run_states, submit, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.wire.requests import CancelRequest


def make_png(width: int, height: int) -> bytes:
    """A picture of a gradient."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(
        b"\0" + b"".join(bytes((x * 200 // width + 30, 120, y * 200 // height + 30)) for x in range(width))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = make_png(240, 120)
NOTE = "Überschrift;Wert\nÄpfel;3\n".encode()
SECRETS = ("TOP-SECRET-SYSTEM-PROMPT", "TOP-SECRET-OVERRIDE", "TOP-SECRET-KEY")

CODE = """## Three ways 🚀

Use `sorted` – it is *stable*:

```python
fruits = {"Äpfel": 3, "Birnen": 1}
for name, count in sorted(fruits.items()):
    print(f"{name}: {count}")
```

On a shell:

```bash
sort fruits.txt | uniq -c
```

| Fruit | Count |
|:------|------:|
| Äpfel | 3 |
| Birnen | 12 |

1. First
2. Second

> A word of caution: ties keep their order.

See [the docs](https://docs.python.org/3/howto/sorting.html)."""

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(2)> ![pixel](https://evil.example/pixel.png)

[click](javascript:alert(3)) <a href="data:text/html,x" onclick="alert(4)">here</a> <style>*{display:none}</style>
<form action="https://evil.example"><input name=a></form> <iframe src="https://evil.example"></iframe>
<svg onload=alert(5)></svg> <p style="background:url(https://evil.example/b)" id="x" name="y">styled</p>"""

PROMPT = "</div></article><script>alert(6)</script>\n# not a heading\n```\nunclosed `fence`\n</details> <!-- -->"

SCRIPT: dict[str, Any] = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "sort", "steps": [{"think": "They want *stable* sorting."}, {"say": CODE}]},
        {
            "match": "weather",
            "steps": [
                {"say": "One moment."},
                {
                    "call": {
                        "tool": "get_weather",
                        "args": {"city": "Zürich"},
                        "result": {"celsius": 18, "sky": "clear"},
                    }
                },
                {"say": "It is 18 °C and clear in Zürich."},
                {"usage": {"input_tokens": 10, "output_tokens": 20}},
            ],
        },
        {"match": "fence", "steps": [{"say": HOSTILE}]},
        {"match": "fail", "steps": [{"say": "Half of "}, {"fail": {"message": "model overloaded", "retryable": True}}]},
        {
            "match": "stop me",
            "steps": [{"think": "Long."}, {"say": "It begins with "}, {"wait_for": "never"}, {"say": "never"}],
        },
        {"steps": [{"say": "I see. 日本語 "}, {"say": "עברית"}]},
    ],
}


@asynccontextmanager
async def everything(tmp_path: Path, *, is_open: bool = False, **config: Any) -> AsyncIterator[ChatApp]:
    """A running chat whose conversation ``c1`` has all of it.

    Args:
        tmp_path: For the script.
        is_open: Whether it ends with a run under way and one that waits; else with both stopped.
        config: Of the chat.
    """
    async with everything_app(tmp_path, **config) as app:
        service = app.service
        await submit(service, "How do I sort a dict?", overrides={"system_prompt": SECRETS[1]})
        await idle(service)
        picture = await service.upload_attachment(
            ME, "c1", content_type="image/png", filename='../My "garden".png', content=PNG
        )
        note = await service.upload_attachment(
            ME, "c1", content_type="text/csv; charset=utf-8", filename="früchte.csv", content=NOTE
        )
        await submit(service, "What is this?", attachments=[picture.attachment_id, note.attachment_id])
        await idle(service)
        for prompt in ("How is the weather?", PROMPT, "fail please"):
            await submit(service, prompt)
            await idle(service)
        await submit(service, "stop me")
        await until(lambda: _says(app, "It begins with"))
        await submit(service, "And then?")
        await until(lambda: _is_waiting(app))
        if not is_open:
            await service.cancel(ME, CancelRequest(conv_id="c1"))
            await idle(service)
        await service.rename_session(ME, "c1", "Sorting & <b>weather</b> / in Zürich: a *talk*")
        yield app


@asynccontextmanager
async def everything_app(tmp_path: Path, **config: Any) -> AsyncIterator[ChatApp]:
    """The same chat, without the conversation."""
    script = tmp_path / "everything.yaml"
    script.write_text(yaml.safe_dump(SCRIPT))
    profiles = {
        "default": "default",
        "profiles": [{"slug": "default", "script": str(script), "system_prompt": SECRETS[0]}],
    }
    app = build(Config(profiles=profiles, **config))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def _says(app: ChatApp, text: str) -> bool:
    snapshot = await app.service.snapshot(ME, "c1")
    return any(text.encode() in row.payload for row in snapshot.entities)


async def _is_waiting(app: ChatApp) -> bool:
    return "queued" in await run_states(app)
