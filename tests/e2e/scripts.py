"""What the scripted engine answers in these tests: numbered words, so that a lost, doubled or moved one is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tests.e2e import kernel_script
from tests.e2e.asking import asking_profiles, asking_script
from tests.e2e.page_tools import PROFILE, page_tools_script
from tests.e2e.release_extension import SIGNAL

DELAY_MS: Final = 15
"""Before each word of a long answer."""

HOLD_AFTER: Final = 400
"""So many words of a long answer come by themselves, in some six seconds; the rest waits for ``Desk.release``."""

LONG_COUNT: Final = 450

MIDDLING_COUNT: Final = 100

SHORT_COUNT: Final = 20

EVIL: Final = """\
Before <script>window.pwned = 1</script> between <img src=x onerror="window.pwned = 2"> and
<svg onload="window.pwned = 3"></svg> a [link](javascript:window.pwned=4) and ![picture](x" onerror="window.pwned=5).

<iframe srcdoc="<script>parent.pwned = 6</script>"></iframe>

<details open ontoggle="window.pwned = 7">after</details>
"""

_TOUR: Final = """\
# A heading

Some text with **bold**, *italics*, `code` and a [link](https://example.org/).

- one
- two

```python
def answer() -> int:
    return 42
```

| Day | Sky | °C |
|---|---|---:|
| today | sunny | 18 |
| tomorrow | cloudy | 15 |

> And a quotation.
"""


def numbered(prefix: str, count: int) -> list[str]:
    """``w1 w2 w3 …``."""
    return [f"{prefix}{number}" for number in range(1, count + 1)]


LONG: Final = numbered("w", LONG_COUNT)
"""The answer to ``long``."""

MIDDLING: Final = numbered("m", MIDDLING_COUNT)
"""The answer to ``middling``."""

SHORT: Final = numbered("s", SHORT_COUNT)
"""The answer to ``short``."""


def _slowly(words: list[str]) -> dict[str, Any]:
    return {"say": {"text": "".join(f"{word} " for word in words), "delay_ms": DELAY_MS}}


def write_profiles(folder: Path) -> Path:
    """Write the scripts and a profiles file that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "script.json").write_text(json.dumps(_script()), encoding="utf-8")
    (folder / "asking.json").write_text(json.dumps(asking_script()), encoding="utf-8")
    (folder / "kernels.json").write_text(json.dumps(kernel_script.kernel_script()), encoding="utf-8")
    (folder / "pages.json").write_text(json.dumps(page_tools_script()), encoding="utf-8")
    profiles = folder / "profiles.json"
    numbers = {"slug": "numbers", "title": "Numbers", "engine": "scripted", "script": "./script.json"}
    pages = {"slug": PROFILE, "title": "Pages", "engine": "scripted", "script": "./pages.json"}
    kernels = {"slug": kernel_script.PROFILE, "engine": "scripted", "script": "./kernels.json"}
    document = {"default": "numbers", "profiles": [numbers, *asking_profiles("./asking.json"), pages, kernels]}
    profiles.write_text(json.dumps(document), encoding="utf-8")
    return profiles


def _script() -> dict[str, Any]:
    weather = {"tool": "get_weather", "args": {"city": "Paris"}, "result": {"celsius": 18}, "delay_ms": 50}
    broken = {"tool": "read_sensor", "args": {"room": "kitchen"}, "error": "the sensor does not answer"}
    return {
        "script": 1,
        "defaults": {"chunk": "word", "delay_ms": 2},
        "turns": [
            {"match": "long", "steps": [_slowly(LONG[:HOLD_AFTER]), {"wait_for": SIGNAL}, _slowly(LONG[HOLD_AFTER:])]},
            {"match": "middling", "steps": [{"say": " ".join(MIDDLING)}]},
            {"match": "short", "steps": [{"say": " ".join(SHORT)}]},
            {"match": "endless", "steps": [{"say": {"text": "e ", "repeat": 10_000, "delay_ms": 20}}]},
            {"match": "evil", "steps": [{"say": EVIL}]},
            {
                "match": "tour",
                "steps": [
                    {"think": "A tour of it all."},
                    {"say": "Let me see. "},
                    {"call": weather},
                    {"call": broken},
                    {"say": _TOUR},
                ],
            },
            {"match": "fail", "steps": [{"say": "Half a "}, {"fail": {"message": "out of luck", "retryable": True}}]},
            {"steps": [{"say": "You said: {prompt}"}]},
        ],
    }
