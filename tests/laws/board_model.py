"""What a counter board is, said once more without the stream: the log is a list, the timeline a dict."""

from __future__ import annotations

import copy
from typing import Any

Timeline = dict[tuple[str, str], dict[str, Any]]


class RefusedError(Exception):
    """The event does not fit the board."""


class BoardModel:
    """A fold over events that is written for reading, not for speed.

    Attributes:
        log: Payloads of all events, in order.
        timeline: What a client shows: payloads as JSON, with ``created`` and ``updated``.
        attributes: Of the session.
    """

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.timeline: Timeline = {}
        self.attributes: dict[str, str] = {}

    @classmethod
    def of(cls, log: list[Any]) -> BoardModel:
        """The board that a log makes."""
        model = cls()
        for payload in log:
            model.apply(payload)
        return model

    def after(self, *payloads: Any) -> BoardModel:
        """Another board: this one with more events.

        Raises:
            RefusedError: One of them does not fit.
        """
        model = copy.copy(self)
        model.log, model.timeline = list(self.log), {key: dict(entity) for key, entity in self.timeline.items()}
        model.attributes = dict(self.attributes)
        for payload in payloads:
            model.apply(payload)
        return model

    def apply(self, payload: Any) -> None:
        """Take one more event."""
        id, name = payload.counter, payload.DESCRIPTOR.name
        is_open = ("Counter", id) in self.timeline
        if name in ("CounterAdded", "LineWritten") and not is_open:
            raise RefusedError(id)
        self.log.append(payload)
        open_ids = {key for kind, key in self.timeline if kind == "Counter"}
        match name:
            case "CounterOpened":
                self._put("Counter", id, {"counter": id, "label": payload.label})
                self._put("Journal", id, {"counter": id})
                open_ids.add(id)
                self.attributes["title"] = payload.label
            case "CounterAdded":
                counter = self.timeline["Counter", id]
                counts = dict(counter.get("tagCounts", {}))
                for tag in payload.tags:
                    counts[tag] = str(int(counts.get(tag, 0)) + 1)
                change = {"by": _int64(payload.by), "tags": list(payload.tags)}
                changed = {
                    "counter": id,
                    "label": counter.get("label"),
                    "total": _int64(int(counter.get("total", 0)) + payload.by),
                    "tagCounts": counts,
                }
                self._put("Counter", id, changed)
                self.timeline["Counter", id]["lastChange"] = _set_fields(change)
                self._write(id, f"{payload.by:+d}\n")
            case "LineWritten":
                self._write(id, payload.text)
            case "CounterClosed":
                self.timeline.pop(("Counter", id), None)
                self.timeline.pop(("Journal", id), None)
                open_ids.discard(id)
        self.attributes["open"] = " ".join(sorted(open_ids))
        self.attributes = {name: value for name, value in self.attributes.items() if value}

    def _put(self, kind: str, id: str, payload: dict[str, Any]) -> None:
        before = self.timeline.get((kind, id), {})
        self.timeline[kind, id] = {
            "created": before.get("created", len(self.log)),
            "updated": len(self.log),
            **_set_fields(payload),
        }

    def _write(self, id: str, text: str) -> None:
        journal = self.timeline["Journal", id]
        journal["updated"] = len(self.log)
        if whole := journal.get("text", "") + text:
            journal["text"] = whole

    @property
    def totals(self) -> dict[str, int]:
        """What the private ledger says."""
        totals = {id: int(entity.get("total", 0)) for (kind, id), entity in self.timeline.items() if kind == "Counter"}
        return {id: total for id, total in totals.items() if total}


def _int64(number: int) -> str | None:
    return str(number) if number else None


def _set_fields(payload: dict[str, Any]) -> dict[str, Any]:
    """Protobuf JSON leaves out what is zero or empty."""
    return {name: value for name, value in payload.items() if value}
