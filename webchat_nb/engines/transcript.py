"""The conversation as a model is told it: who said what, with a word where an answer did not come to its end.

Rule: RN7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from webchat_nb.chat.engine import AttachedFile, RunRequest

_MARKS: Final[Mapping[str, str]] = {
    "stopped": "[This answer was stopped by the user before its end.]",
    "failed": "[This answer failed before its end.]",
    "interrupted": "[This answer was interrupted before its end.]",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one side said in one go.

    Attributes:
        text: Not empty, except for a prompt that is nothing but attachments.
    """

    role: Literal["user", "assistant"]
    text: str
    attachments: Sequence[AttachedFile] = ()


def lines_of(request: RunRequest) -> Iterator[Line]:
    """The history, oldest first, then the prompt.

    An answer that was stopped or failed says so at its end; one without any text is left out. The texts of one answer,
    between which tools were called, are one line.
    """
    answer: list[str] = []
    for message in request.history:
        if message.role == "assistant":
            text = _marked(message.content, message.status)
            if text:
                answer.append(text)
            continue
        if answer:
            yield Line(role="assistant", text="\n\n".join(answer))
            answer = []
        yield Line(role="user", text=message.content, attachments=message.attachments)
    if answer:
        yield Line(role="assistant", text="\n\n".join(answer))
    yield Line(role="user", text=request.prompt, attachments=request.attachments)


def _marked(text: str, status: str) -> str:
    mark = _MARKS.get(status)
    return text if not mark else f"{text.rstrip()}\n\n{mark}" if text.strip() else mark
