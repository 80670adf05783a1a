"""A script: what the scripted engine does for which prompt, and the reader that refuses everything else.

Only what a record's type cannot say is checked by hand: one action per step, a regex that compiles, a tool call that
either answers or fails.

Source: SPEC §9; the JSON Schema made of these records is ``script.schema.json``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from webchat_nb.chat.document_formats import Format, KeyPath
from webchat_nb.chat.documents import Document, convert, parse_document, read_document
from webchat_nb.chat.tools import Ask
from webchat_nb.chat.tools.schemas.json_schemas import check_schema
from webchat_nb.errors import BadRequestError

Milliseconds = Annotated[float, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(min_length=1)]
TokenCount = Annotated[int, Meta(ge=0)]
Chunk = Literal["word", "char", "all"] | Annotated[int, Meta(ge=1)]
"""How a text is cut: after each word, after each character, not at all, or every so many characters."""


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pace of a model: pieces come at a rate, not evenly, and the same way each time the script is played.

    Attributes:
        first_token_ms: Wait before the answer begins.
        tokens_per_s: Pieces per second after that.
        jitter: How far a wait may be from the mean, as a part of it: 0.3 means 70 % to 130 %.
        seed: Another number gives other waits. They also differ from turn to turn.
    """

    tokens_per_s: Annotated[float, Meta(gt=0)]
    first_token_ms: Milliseconds = 0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0
    seed: int = 0


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pace of a script where a step does not say.

    Attributes:
        chunk: How texts are cut into pieces.
        delay_ms: Wait before each piece.
        first_delay_ms: Wait before the answer begins, instead of ``delay_ms`` before its first piece.
        timing: A model's pace, instead of these two.
    """

    chunk: Chunk = "word"
    delay_ms: Milliseconds = 0
    first_delay_ms: Milliseconds = 0
    timing: Timing | UnsetType = UNSET


class Regex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fits a prompt in which the pattern is found (Python's ``re.search``)."""

    regex: str


class Speech(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text with its own pace.

    Attributes:
        text: ``{prompt}``, ``{turn}``, ``{steer}`` and ``{answer}`` are filled in; other braces stay.
        repeat: How often it is said; each time it is cut into pieces anew.
        chunk: Instead of the script's default.
        delay_ms: Instead of the script's default.
    """

    text: str
    repeat: Annotated[int, Meta(ge=1)] = 1
    chunk: Chunk | UnsetType = UNSET
    delay_ms: Milliseconds | UnsetType = UNSET


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call, from the first piece of its arguments to its result.

    Attributes:
        tool: The tool's name.
        args: Its arguments; they stream as JSON text.
        result: What it answers, text or any JSON value. Left out: the registered tool runs.
        error: What it fails with, instead of a result.
        delay_ms: How long it works.
        approval: Whether a person is asked first.
        approval_expires_s: How long the question stands; left out: as long as the run.
    """

    tool: Name
    args: dict[str, Any] = {}
    result: Any = UNSET
    error: str | UnsetType = UNSET
    delay_ms: Milliseconds = 0
    approval: bool = False
    approval_expires_s: Seconds | UnsetType = UNSET


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question to the person.

    Attributes:
        question: What they read; placeholders are filled in.
        schema: JSON Schema of an object, the form that they fill in; left out: one field for text, called ``answer``.
        expires_s: How long it stands; left out: as long as the run.
    """

    question: Name
    schema: dict[str, Any] | UnsetType = UNSET
    expires_s: Seconds | UnsetType = UNSET

    def to_ask(self) -> Ask:
        """As tools and engines ask."""
        return Ask(
            question=self.question,
            schema=None if self.schema is UNSET else self.schema,
            expires_s=None if self.expires_s is UNSET else self.expires_s,
        )


class Emit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Puts an entity on the timeline.

    Attributes:
        kind: A registered kind.
        id: The entity's id; the same id again replaces it.
        payload: Protobuf JSON of the kind's message.
    """

    kind: Name
    id: Name
    payload: dict[str, Any] = {}


class TokenUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reports tokens as if a model had used them."""

    input_tokens: TokenCount = 0
    output_tokens: TokenCount = 0


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ends the run as failed; no step after it is done.

    Attributes:
        message: What the person is told.
        retryable: Whether trying again may help.
        code: A stable word for programs.
    """

    message: str
    retryable: bool = False
    code: Name = "engine_failed"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One action: exactly one of these keys.

    Attributes:
        think: A thought, shown apart from the answer.
        say: A piece of the answer.
        call: A tool call.
        ask: A question to the person; ``{answer}`` is the JSON text of what they answer, empty when they do not.
        emit: An entity on the timeline.
        wait_ms: Wait so long.
        wait_for: Wait until the test harness sends the signal of this name.
        wait_for_steer: Wait for prompts that are steered to the run, and take them; ``{steer}`` is what they say.
        usage: A report of used tokens.
        fail: The end of the run, as a failure.
    """

    think: str | Speech | UnsetType = UNSET
    say: str | Speech | UnsetType = UNSET
    call: Call | UnsetType = UNSET
    ask: Question | UnsetType = UNSET
    emit: Emit | UnsetType = UNSET
    wait_ms: Milliseconds | UnsetType = UNSET
    wait_for: Name | UnsetType = UNSET
    wait_for_steer: Literal[True] | UnsetType = UNSET
    usage: TokenUsage | UnsetType = UNSET
    fail: Failure | UnsetType = UNSET


ACTIONS = Step.__struct_fields__


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done for the prompts that it fits.

    Attributes:
        match: A substring of the prompt, or a regex; left out: fits any prompt.
        steps: Done in order.
    """

    steps: tuple[Annotated[Step, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})], ...]
    match: str | Regex | UnsetType = UNSET


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole script.

    Attributes:
        script: The format's version.
        turns: The first that fits the prompt is used; each may be used again.
        defaults: The pace.
        strict: Whether a prompt that no turn fits makes the run fail.
    """

    script: Literal[1]
    turns: Annotated[tuple[Turn, ...], Meta(min_length=1)]
    defaults: Defaults = Defaults()
    strict: bool = False


def read_script(path: Path) -> Script:
    """Read a script from a YAML, JSON or TOML file.

    Raises:
        ConfigError: It cannot be read or is no script; the message says file, line, turn and step.
    """
    return check_script(read_document(path))


def parse_script(text: str, *, form: Format = "yaml", source: str = "script") -> Script:
    """Read a script from a text.

    Raises:
        ConfigError: It is no script; the message says line, turn and step.
    """
    return check_script(parse_document(text, form, source=source))


def check_script(document: Document) -> Script:
    """Make a script of a document.

    Raises:
        ConfigError: It is no script; the message says where.
    """
    script = convert(document, Script, label=_name_place)
    if script.defaults.timing is not UNSET and (script.defaults.delay_ms or script.defaults.first_delay_ms):
        raise document.error(("defaults", "timing"), "defaults: expected delays or timing, got both")
    for turn_index, turn in enumerate(script.turns):
        path: KeyPath = ("turns", turn_index)
        if isinstance(turn.match, Regex):
            _check_regex(document, turn.match.regex, (*path, "match", "regex"))
        for step_index, step in enumerate(turn.steps):
            _check_step(document, step, (*path, "steps", step_index))
    return script


def _check_regex(document: Document, pattern: str, path: KeyPath) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"{_name_place(path)}: expected a regular expression, got {pattern!r}: {error}"
        raise document.error(path, message) from None


def _check_step(document: Document, step: Step, path: KeyPath) -> None:
    actions = [name for name in ACTIONS if getattr(step, name) is not UNSET]
    place = _name_place(path)
    if len(actions) != 1:
        got = " and ".join(actions) or "none"
        raise document.error(path, f"{place}: expected exactly one of {', '.join(ACTIONS)}, got {got}")
    if step.ask is not UNSET and step.ask.schema is not UNSET:
        try:
            check_schema(step.ask.schema, "schema")
        except BadRequestError as error:
            raise document.error((*path, "ask"), f"{place}: {error.message}") from None
    if step.call is UNSET:
        return
    if step.call.error is not UNSET and step.call.result is not UNSET:
        raise document.error((*path, "call", "error"), f"{place}: expected a result or an error, got both")


def _name_place(path: KeyPath) -> str:
    """``turn 3, step 4``, counted as a person does; empty outside the turns."""
    match path:
        case ("turns", int(turn), "steps", int(step), *_):
            return f"turn {turn + 1}, step {step + 1}"
        case ("turns", int(turn), *_):
            return f"turn {turn + 1}"
        case _:
            return ""
