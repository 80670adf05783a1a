"""A profile whose answers call tools of the page, and such tools."""

from __future__ import annotations

from typing import Any, Final

PROFILE: Final = "pages"

MEASURE: Final = """{
  name: "measure_page",
  description: "How wide the page is.",
  inputSchema: {type: "object", properties: {unit: {type: "string"}}, required: ["unit"]},
  run: ({unit}, {convId}) => {
    localStorage.measured = Number(localStorage.measured ?? 0) + 1;
    return {width: innerWidth, unit, title: document.title, convId};
  },
}"""
"""Counts over all tabs how often it was called."""

WAIT: Final = """{
  name: "measure_page",
  description: "Waits until it is told to stop.",
  inputSchema: {type: "object"},
  timeoutS: %s,
  run: (input, {signal}) => new Promise((done) => {
    localStorage.measured = Number(localStorage.measured ?? 0) + 1;
    signal.addEventListener("abort", () => { window.wasStopped = true; done("too late"); });
  }),
}"""

COLOUR: Final = """{
  name: "choose_colour",
  description: "Lets the person choose a colour.",
  inputSchema: {type: "object"},
  answerSchema: {type: "object", properties: {colour: {enum: ["red", "blue"], title: "Colour"}}, required: ["colour"]},
}"""

REGISTER: Final = """
{
  const add = () => webchatNb.tools.register(%s);
  if (globalThis.webchatNb) add();
  else addEventListener("webchatnb", add, {once: true});
}
"""
"""A script that may run before the first chat is there, or after it."""


def register(tool: str) -> str:
    """The script that offers a tool."""
    return REGISTER % tool


def page_tools_script() -> dict[str, Any]:
    """What the profile does."""
    return {
        "script": 1,
        "turns": [
            {
                "match": "measure",
                "steps": [
                    {"call": {"tool": "measure_page", "args": {"unit": "px"}}},
                    {"say": "That is how wide it is."},
                ],
            },
            {"match": "colour", "steps": [{"call": {"tool": "choose_colour"}}, {"say": "A good choice."}]},
            {"steps": [{"say": "You said: {prompt}"}]},
        ],
    }
