"""The stream: sessions, commands, events, ordinals. It never says "chat".

Five nouns: a *command* asks, an *event* is a fact with an ordinal, *projections* say what it means, a *store* keeps it,
a *subscription* tells it. ``Hub`` is the one object a host holds. Follow an event: ``hub`` → ``pipeline`` →
``projections`` → ``store`` → ``fanout``.
"""

from webchat_nb.stream.clock import Clock, SystemClock
from webchat_nb.stream.commands import CommandTurn
from webchat_nb.stream.declared import json_value, payload, payload_field
from webchat_nb.stream.delivery import AppendOp, Delivery, RemoveOp, UpsertOp
from webchat_nb.stream.failures import Failure, Policies
from webchat_nb.stream.fanout import FanoutSettings, Hydration, Subscription
from webchat_nb.stream.hub import Hub
from webchat_nb.stream.model import (
    Append,
    Command,
    Cursor,
    Entity,
    EntityRow,
    Epoch,
    Event,
    LoggedEvent,
    Op,
    Ordinal,
    Receipt,
    Remove,
    Session,
    SessionId,
    Snapshot,
    UIEvent,
    Upsert,
    session_id,
)
from webchat_nb.stream.observers import Committed, Observer
from webchat_nb.stream.projections import Projections, TimelineView
from webchat_nb.stream.publisher import Publisher
from webchat_nb.stream.rebuild import Rebuilt
from webchat_nb.stream.retention import Retention
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import Store

__all__ = [
    "Append",
    "AppendOp",
    "Clock",
    "Command",
    "CommandTurn",
    "Committed",
    "Cursor",
    "Delivery",
    "Entity",
    "EntityRow",
    "Epoch",
    "Event",
    "Failure",
    "FanoutSettings",
    "Hub",
    "Hydration",
    "LoggedEvent",
    "Observer",
    "Op",
    "Ordinal",
    "Policies",
    "Projections",
    "Publisher",
    "Rebuilt",
    "Receipt",
    "Remove",
    "RemoveOp",
    "Retention",
    "SchemaRegistry",
    "Session",
    "SessionId",
    "Snapshot",
    "Store",
    "Subscription",
    "SystemClock",
    "TimelineView",
    "UIEvent",
    "Upsert",
    "UpsertOp",
    "json_value",
    "payload",
    "payload_field",
    "session_id",
]
