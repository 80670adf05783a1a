"""The names that the chat itself registers; plugins add their own."""

from __future__ import annotations

from collections.abc import Sequence

from webchat_nb.chat.blocks.routing import block_tags
from webchat_nb.chat.blocks.run_blocks import BLOCK_EVENTS
from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.chat.plugins import ChatPlugin
from webchat_nb.contracts.v1 import commands_pb2, entities_pb2, events_pb2, ui_pb2
from webchat_nb.stream import SchemaRegistry

_COMMANDS = (
    commands_pb2.ChatCreateConversation,
    commands_pb2.ChatStartInference,
    commands_pb2.ChatStopInference,
    commands_pb2.ChatMoveInference,
    commands_pb2.ChatRenameConversation,
    commands_pb2.ChatSettleInference,
    commands_pb2.ChatImportConversation,
)

_EVENTS = (
    events_pb2.ChatConversationCreated,
    events_pb2.ChatConversationRenamed,
    events_pb2.ChatUserMessageAccepted,
    events_pb2.ChatInferenceQueued,
    events_pb2.ChatInferenceMoved,
    events_pb2.ChatUserMessageSteered,
    events_pb2.ChatSteeringOffered,
    events_pb2.ChatSteeringTaken,
    events_pb2.ChatInferenceStarted,
    events_pb2.ChatInferenceContinued,
    events_pb2.ChatInferenceFinished,
    events_pb2.ChatInferenceStopped,
    events_pb2.ChatInferenceFailed,
    events_pb2.ChatInferenceInterrupted,
    events_pb2.ChatUsageReported,
    events_pb2.ChatEntityEmitted,
    events_pb2.ChatEntityImported,
    *BLOCK_EVENTS,
)

_RUN_UI_EVENTS = ("run.queued", "run.started", "run.finished", "run.stopped", "run.failed", "run.interrupted")


def register_schemas(registry: SchemaRegistry, plugins: Sequence[ChatPlugin]) -> None:
    """Register the chat's commands, events, UI events and entity kinds, then each plugin's.

    Raises:
        DuplicateNameError: A plugin registers a name that is taken, or wants a block tag that is another's.
    """
    block_tags(plugins)
    for command in _COMMANDS:
        registry.command(command.DESCRIPTOR.name, command)
    for event in _EVENTS:
        registry.event(event.DESCRIPTOR.name, event)
    registry.ui_event("chat.message", ui_pb2.UiChatMessage)
    for ui_type in _RUN_UI_EVENTS:
        registry.ui_event(ui_type, ui_pb2.UiRun)
    registry.ui_event("usage", ui_pb2.UiUsage)
    registry.ui_event("conversation.updated", ui_pb2.UiConversation)
    registry.ui_event("timeline.upsert", ui_pb2.UiEntity)
    registry.ui_event("timeline.remove", ui_pb2.UiEntity)
    registry.entity("ChatMessage", entities_pb2.ChatMessage)
    registry.entity("ChatRun", entities_pb2.ChatRun)
    registry.entity(OPEN_RUN, entities_pb2.ChatOpenRun, private=True)
    for plugin in plugins:
        plugin.register_schemas(registry)
