"""The tree of a conversation: which turns come before a prompt.

Every prompt names the message that it follows, every answer its prompt. A message stands for its turn: an answer for the
run that gave it, a prompt for the newest run that had begun to answer it by then. So a prompt that follows a turn that is
still going on follows all that this turn will say; and a prompt that was answered twice is followed by who names which.

Rule: RN7, RN10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import msgspec

from webchat_nb.stream import EntityRow


class AttachmentRow(msgspec.Struct, rename="camel"):
    """An attachment of a message."""

    attachment_id: str = ""
    media_type: str = ""
    filename: str = ""
    size_bytes: str = "0"


class ChatMessageRow(msgspec.Struct, rename="camel"):
    """What the tree needs of a ``ChatMessage``."""

    message_id: str = ""
    role: str = ""
    content: str = ""
    status: str = ""
    run_id: str = ""
    parent_message_id: str = ""
    attachments: list[AttachmentRow] = []
    created: int = 0


class _RunRow(msgspec.Struct, rename="camel"):
    """What the tree needs of a ``ChatRun``."""

    run_id: str = ""
    message_id: str = ""
    created: int = 0


class OlderNeededError(Exception):
    """The way back leads to a message that is not known yet."""


_to_message = msgspec.json.Decoder(ChatMessageRow).decode
_to_run = msgspec.json.Decoder(_RunRow).decode


@final
class Branches:
    """Messages and runs, taken in from the newest to the oldest."""

    def __init__(self) -> None:
        self._messages: dict[str, ChatMessageRow] = {}
        self._runs: dict[str, _RunRow] = {}
        self._said: dict[str, list[ChatMessageRow]] = {}
        self._answering: dict[str, list[_RunRow]] = {}

    def add(self, rows: Iterable[EntityRow]) -> None:
        """Take in a page of the timeline; kinds other than messages and runs are passed over."""
        for row in rows:
            if row.removed:
                continue
            if row.kind == "ChatMessage":
                message = _to_message(row.payload)
                if message.role in ("user", "assistant"):
                    message.created = row.created
                    self._messages[message.message_id] = message
                    self._said.setdefault(message.run_id, []).append(message)
            elif row.kind == "ChatRun":
                run = _to_run(row.payload)
                run.created = row.created
                self._runs[run.run_id] = run
                self._answering.setdefault(run.message_id, []).append(run)

    def prompt(self, message_id: str) -> ChatMessageRow:
        """One prompt.

        Raises:
            OlderNeededError: It is not among the rows so far.
        """
        found = self._messages.get(message_id)
        if found is None:
            raise OlderNeededError
        return found

    def turns_before(self, message_id: str, *, is_complete: bool) -> Sequence[Sequence[ChatMessageRow]]:
        """The turns on the way from the beginning to a prompt, each with its prompt first.

        Args:
            message_id: The prompt.
            is_complete: There are no older rows: who is not known is nowhere, and the way begins after it.

        Raises:
            OlderNeededError: It goes on in older rows.
        """
        turns: list[Sequence[ChatMessageRow]] = []
        current = self.prompt(message_id)
        seen = {message_id}
        while current.parent_message_id:
            try:
                turn = self._turn_of(self.prompt(current.parent_message_id), current)
            except OlderNeededError:
                if is_complete:
                    break
                raise
            current = turn[0]
            if current.message_id in seen:
                break  # an import may say anything
            seen.add(current.message_id)
            turns.append(turn)
        return turns[::-1]

    def _turn_of(self, parent: ChatMessageRow, follower: ChatMessageRow) -> Sequence[ChatMessageRow]:
        run = self._runs.get(parent.run_id)
        prompt_id = run.message_id if run is not None else parent.parent_message_id
        run_id = parent.run_id
        if parent.role == "user" and (run is None or run.message_id == parent.message_id):
            prompt_id = parent.message_id
            begun = [each for each in self._answering.get(prompt_id, ()) if each.created < follower.created]
            if begun:
                run_id = max(begun, key=lambda each: each.created).run_id
        prompt = self.prompt(prompt_id)
        said = [each for each in self._said.get(run_id, ()) if each is not prompt]
        return [prompt, *sorted(said, key=lambda each: each.created)]
