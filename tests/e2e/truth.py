"""What the server itself says of a conversation: its timeline, and the fold of its log."""

from __future__ import annotations

from typing import Any, Final, final
from urllib.parse import quote, urlencode

from tests.e2e.jupyter import JupyterServer

Entry = dict[str, str]

_ENDS: Final = {
    "ChatInferenceFinished": "finished",
    "ChatInferenceStopped": "stopped",
    "ChatInferenceFailed": "failed",
    "ChatInferenceInterrupted": "interrupted",
}


@final
class Truth:
    """Reads one conversation over HTTP."""

    def __init__(self, server: JupyterServer, conversation: str) -> None:
        self._server = server
        self._conversation = conversation

    def timeline(self) -> list[dict[str, Any]]:
        """All entities of ``v1/timeline``, oldest first."""
        entities: list[dict[str, Any]] = []
        query: dict[str, Any] = {"conv_id": self._conversation, "limit": 100}
        while True:
            page = self._server.get(f"webchat/v1/timeline?{urlencode(query)}")
            entities = page["entities"] + entities
            if "next" not in page:
                return sorted(entities, key=lambda entity: int(entity["created"]))
            query["before"] = page["next"]

    def events(self) -> list[dict[str, Any]]:
        """The whole log."""
        path = f"webchat/v1/sessions/{quote(self._conversation)}/events"
        events: list[dict[str, Any]] = []
        after = "0"
        while True:
            page = self._server.get(f"{path}?{urlencode({'after': after, 'limit': 200})}")
            events += page["events"]
            if "next" not in page:
                assert [int(event["ordinal"]) for event in events] == list(range(1, len(events) + 1))
                return events
            after = page["next"]

    def messages(self) -> list[Entry]:
        """Role and text of each message, as the timeline has them."""
        return [
            {"id": entity["id"], "role": entity["payload"]["role"], "text": entity["payload"].get("content", "")}
            for entity in self.timeline()
            if entity["kind"] == "ChatMessage"
        ]

    def folded_messages(self) -> list[Entry]:
        """The same, made of the log alone."""
        messages: dict[str, Entry] = {}
        for event in self.events():
            name, payload = event["name"], event["payload"]
            if name == "ChatUserMessageAccepted":
                message_id = payload["messageId"]
                messages[message_id] = {"id": message_id, "role": "user", "text": payload["prompt"]}
            elif name in ("ChatTextSegmentStarted", "ChatReasoningStarted"):
                role = "assistant" if name == "ChatTextSegmentStarted" else "thinking"
                messages[payload["messageId"]] = {"id": payload["messageId"], "role": role, "text": ""}
            elif name in ("ChatTokensDelta", "ChatReasoningDelta"):
                messages[payload["messageId"]]["text"] += payload["text"]
        return list(messages.values())

    def run_ends(self) -> list[str]:
        """How the runs ended, in the order of the log."""
        return [_ENDS[event["name"]] for event in self.events() if event["name"] in _ENDS]
