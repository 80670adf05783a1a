"""An engine that talks with a model through a vendor's SDK: all but the words of that vendor."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, final

from webchat_nb.chat.engine import AttachedFile, EngineEvent, RunRequest, ToolCallArgumentsDelta, ToolCallResult
from webchat_nb.chat.tools import ToolSchema
from webchat_nb.engines.past import PastCall, calls_of
from webchat_nb.engines.tool_loop import Dialogue, converse
from webchat_nb.engines.vendor import VendorPool, check_options, read_key
from webchat_nb.engines.vendor_errors import told_safely


class VendorEngine(ABC):
    """Answers prompts with one model; holds nothing between runs, so several may go at the same time.

    Closing a run closes its HTTP stream.

    Attributes:
        accepts_steering: Prompts that are steered to a run are taken between two rounds (RN13).
        goes_on: After a restart, unless the model wants more back than the log has, such as sealed thoughts (TL9).
    """

    accepts_steering = True
    goes_on = True

    def __init__(self, pool: VendorPool) -> None:
        self._pool = pool

    def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The server refuses, fails, is silent, breaks off or talks nonsense.
            ConfigError: A middleware made a plan of it that cannot be used.

        Rule: EN3, EN4, EN5.
        """

        async def begin() -> Dialogue:
            return await self._begin(VendorRun(await self._pool.sdk(), self._pool, request))

        return converse(begin, request, max_rounds=check_options(request.plan))

    @abstractmethod
    async def _begin(self, run: VendorRun) -> Dialogue:
        """The dialogue of a run: system prompt, history and prompt in the vendor's words."""


@final
class VendorRun:
    """What a dialogue needs besides the vendor's words.

    Attributes:
        request: What is to be answered.
        plan: Of the request, which is what a middleware made of the profile's.
        schemas: The tools that the model may call.
    """

    def __init__(self, sdk: Any, pool: VendorPool, request: RunRequest) -> None:
        self.request = request
        self.plan = request.plan
        self.schemas: Sequence[ToolSchema] = request.tools.schemas() if request.tools is not None else ()
        self._sdk = sdk
        self._pool = pool
        self._call_count = max([_number_of(call_id) for call_id in calls_of(request.so_far or ())], default=0)

    def client(self) -> Any:
        """The SDK's client, with the key of now."""
        return self._pool.client(self.plan)

    def told_safely(self) -> AbstractContextManager[None]:
        """Turns what a request and its stream raise into an ``EngineError``."""
        return told_safely(self._sdk, self.plan, self._pool.vendor, self.secret)

    @property
    def secret(self) -> str:
        """The key, which no message may hold."""
        return read_key(self.plan, self._pool.vendor)

    def new_call_id(self) -> str:
        """An id that is unique in the conversation; what the servers call a call need not be."""
        self._call_count += 1
        return f"{self.request.root_id}:call:{self._call_count}"


@final
class StreamedCall:
    """A tool call that streams in.

    Attributes:
        vendor_id: What the server calls it; may come late, or not at all.
        pieces: Of the arguments' JSON text, so far.
    """

    __slots__ = ("call_id", "name", "pieces", "vendor_id")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.vendor_id = ""
        self.name = ""
        self.pieces: list[str] = []

    def grow(self, piece: Any) -> ToolCallArgumentsDelta:
        """Take the next piece of the arguments."""
        text = checked(piece)
        self.pieces.append(text)
        return ToolCallArgumentsDelta(self.call_id, text)

    @property
    def wire_id(self) -> str:
        """What the server is told that the call is called."""
        return self.vendor_id or self.call_id

    @property
    def input(self) -> str:
        """The arguments' JSON text; a call without arguments has an empty object."""
        return "".join(self.pieces).strip() or "{}"


def recalled(call: PastCall) -> StreamedCall:
    """A call from before a restart."""
    streamed = StreamedCall(call.use.call_id)
    streamed.vendor_id, streamed.name = call.recall_id, call.use.name
    streamed.pieces.append(call.use.input)
    return streamed


def _number_of(call_id: str) -> int:
    number = call_id.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def paired(
    calls: Sequence[StreamedCall], results: Sequence[ToolCallResult]
) -> Iterator[tuple[StreamedCall, ToolCallResult]]:
    """Each call with its result."""
    by_id = {result.call_id: result for result in results}
    for call in calls:
        yield call, by_id[call.call_id]


def checked(value: Any) -> str:
    """A text that can be stored. The SDKs check no types, so a server may have sent anything.

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a replacement character.

    Raises:
        TypeError: It is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {type(value).__name__}")
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def as_text(file: AttachedFile, content: bytes) -> str | None:
    """A text file as a part of the prompt; None: it is none."""
    if not file.media_type.startswith("text/"):
        return None
    return f"{file.filename}:\n{content.decode(errors='replace')}"


def as_base64(content: bytes) -> str:
    """How all vendors want files."""
    return base64.b64encode(content).decode()
