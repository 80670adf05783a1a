"""A profile whose script calls tools that the test's notebooks have."""

from __future__ import annotations

from typing import Any, Final

PROFILE: Final = "kernels"


def kernel_script() -> dict[str, Any]:
    """Calls without a result: the registered tool works."""
    return {
        "script": 1,
        "turns": [
            {
                "match": "cost",
                "steps": [{"say": "Let me see. "}, {"call": {"tool": "cost", "args": {"count": 3}}}, {"say": "There."}],
            },
            {
                "match": "slow",
                "steps": [
                    {"say": "Wait. "},
                    {"call": {"tool": "slow_cost", "args": {"count": 4}}},
                    {"say": "At last."},
                ],
            },
            {"steps": [{"say": "You said: {prompt}"}]},
        ],
    }
