"""``redaction``: keeps addresses, keys and numbers from the engine, and from the answer if asked.

It fails closed: when a pattern takes too long the run fails, and nothing unredacted goes on.

Rule: MW4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Annotated, Final, Literal, final

import msgspec

from webchat_nb.chat.engine import (
    EmitEntity,
    Engine,
    EngineEvent,
    Recorded,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    Usage,
)
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of
from webchat_nb.chat.middlewares.redacted_sources import Redact, RedactedApprovals, RedactedSteering, RedactedTools
from webchat_nb.chat.middlewares.redaction_patterns import (
    BUILTIN_PATTERNS,
    Budget,
    OwnPattern,
    Pattern,
    PatternTimeoutError,
)
from webchat_nb.chat.middlewares.redactor import RedactedStream, Redactor
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.errors import EngineError

PatternName = Literal["email", "api_key", "iban", "credit_card"]
Place = Literal["prompt", "history", "system_prompt", "tool_results", "answer"]

_ALL_PATTERNS: Final[tuple[PatternName, ...]] = ("email", "api_key", "iban", "credit_card")


class OwnPatternConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern of one's own.

    Attributes:
        name: What stands in the place of a match.
        regex: In the syntax of the package ``regex``, which is that of ``re`` and more.
        max_chars: The longest match; a redacted answer runs so many characters late.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    regex: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    max_chars: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    ignore_case: bool = False

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> OwnPattern:
        """Make it; a missing package is told like a bad value, so that the key is named."""
        try:
            return OwnPattern(self.name, self.regex, max_chars=self.max_chars, ignore_case=self.ignore_case)
        except ImportError:
            raise ValueError("expected the package 'regex' to be there: pip install regex") from None


class RedactionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``redaction`` is told.

    Attributes:
        patterns: Which of the built-in ones.
        own: Patterns beside them.
        places: Where: in what goes to the engine, and, with ``answer``, in its text and thoughts. Prompts that are
            steered to it and answers to its questions are ``prompt`` too. Tools that an engine calls by itself, as some agents do, are out of reach.
        replacement: What stands in the place of a match; ``{name}`` becomes the pattern's name.
    """

    patterns: tuple[PatternName, ...] = _ALL_PATTERNS
    own: Annotated[tuple[OwnPatternConfig, ...], msgspec.Meta(max_length=20)] = ()
    places: tuple[Place, ...] = ("prompt", "history", "tool_results")
    replacement: Annotated[str, msgspec.Meta(max_length=80)] = "[{name}]"

    def build(self) -> Redactor:
        """Make what finds and replaces."""
        patterns: list[Pattern] = [BUILTIN_PATTERNS[name] for name in dict.fromkeys(self.patterns)]
        return Redactor([*patterns, *(own.build() for own in self.own)], self.replacement)


@final
class Redaction:
    """Redacts what passes."""

    def __init__(self, engine: Engine, config: RedactionConfig, surroundings: Surroundings) -> None:
        self._engine = engine
        self._redactor = config.build()
        self._places = frozenset(config.places)
        self._steady_s = surroundings.clock.steady_s

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: ``redaction_timeout``: a pattern took too long; nothing unredacted went on.
        """
        budget = Budget(self._steady_s)
        try:
            answer = _Answer(self._redactor, budget) if "answer" in self._places else None
            redacted_request = self._redacted(request, budget)
            approvals = redacted_request.approvals
            async with aclosing(records_of(self._engine, redacted_request)) as records:
                async for record in records:
                    if isinstance(approvals, RedactedApprovals):
                        approvals.see(record)
                    if answer is None:
                        yield record
                        continue
                    for redacted in answer.take(record):
                        yield redacted
            for rest in answer.finish() if answer is not None else ():
                yield rest
        except PatternTimeoutError as error:
            message = f"The redaction of {str(error)!r} took too long; the run was ended."
            raise EngineError(message, code="redaction_timeout") from None

    def _redacted(self, request: RunRequest, budget: Budget) -> RunRequest:
        places, plan = self._places, request.plan

        def redact(text: str) -> str:
            return self._redactor.redact(text, budget)

        if "prompt" in places:
            steering = RedactedSteering(request.steering, redact)
            request = msgspec.structs.replace(request, prompt=redact(request.prompt), steering=steering)
            if request.approvals is not None:
                approvals = RedactedApprovals(request.approvals, redact, request.so_far or ())
                request = msgspec.structs.replace(request, approvals=approvals)
            so_far = [_redacted_steered(record, redact) for record in request.so_far or ()]
            request = msgspec.structs.replace(request, so_far=so_far if request.so_far is not None else None)
        if "tool_results" in places and request.tools is not None:
            request = msgspec.structs.replace(request, tools=RedactedTools(request.tools, redact))
        if "history" in places:
            history = [msgspec.structs.replace(message, content=redact(message.content)) for message in request.history]
            request = msgspec.structs.replace(request, history=history)
        if "system_prompt" in places and plan.system_prompt:
            plan = msgspec.structs.replace(plan, system_prompt=redact(plan.system_prompt))
            request = msgspec.structs.replace(request, plan=plan)
        return request


def _redacted_steered(record: Recorded, redact: Redact) -> Recorded:
    """A prompt that was steered is in the log as it was written; all else that an engine is told was redacted."""
    return (
        msgspec.structs.replace(record, prompt=redact(record.prompt)) if isinstance(record, SteeredPrompt) else record
    )


@final
class _Answer:
    """Texts and thoughts of one run; each stretch of either is a text of its own."""

    def __init__(self, redactor: Redactor, budget: Budget) -> None:
        self._stream = RedactedStream(redactor, budget)
        self._kind: type[TextDelta] | type[ThinkingDelta] | None = None

    def take(self, record: EngineEvent) -> Iterator[EngineEvent]:
        if isinstance(record, Usage | EmitEntity):  # they end no stretch of text
            yield record
            return
        if type(record) is not self._kind:
            yield from self.finish()
        if not isinstance(record, TextDelta | ThinkingDelta):
            yield record
            return
        self._kind = type(record)
        if text := self._stream.feed(record.text):
            yield self._kind(text)

    def finish(self) -> Iterator[EngineEvent]:
        if self._kind is not None and (text := self._stream.finish()):
            yield self._kind(text)
        self._kind = None


def redaction() -> MiddlewareFactory[RedactionConfig]:
    """Make the factory."""
    return MiddlewareFactory(config=RedactionConfig, wrap=Redaction)
