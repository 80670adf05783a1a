"""A Python function as a tool: ``@tool``.

Its name, its docstring and its type hints say what a model is told of it; see ``signatures``. How it is called stands in
``calling``::

    @tool(approval="always", timeout_s=10)
    def delete_file(path: Annotated[str, "Relative to the project."]) -> str:
        "Delete a file."
        Path(path).unlink()
        return "deleted"

Rule: TL3, TL4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Final, Generic, ParamSpec, TypeVar, final, overload

from webchat_nb.chat.tools.functions.calling import call_function
from webchat_nb.chat.tools.functions.signatures import Signature, name_of
from webchat_nb.chat.tools.ports import Approval, Tool, ToolContext, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every vendor of models takes as the name of a tool."""


@final
class FunctionTool(Generic[P, R]):
    """A function that a model may call; for Python code it is the function as before.

    Args:
        function: A function, async function, generator or async generator, which takes keywords. Of a tool, its
            function; what is not said here stays as it was said there.
        name: What a model calls it; empty: the function's name.
        description: What a model is told; empty: what the docstring says.
        approval: Whether a person is asked first (TL4); None: never.
        timeout_s: How long it may work, in seconds; None: as the limits of the server say.

    Attributes:
        function: The function itself.
        signature: What it takes.

    Raises:
        ConfigError: It cannot be a tool; the message names the function and the argument or the option.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str = "",
        description: str = "",
        approval: Approval | None = None,
        timeout_s: float | None = None,
    ) -> None:
        if not callable(function):
            raise ConfigError(f"expected a function, got a {type(function).__name__}")
        declared: Any = function
        if isinstance(declared, FunctionTool):
            name = name or declared.schema.name
            description = description or declared.schema.description
            approval = declared.approval if approval is None else approval
            timeout_s = declared.timeout_s if timeout_s is None else timeout_s
            function = declared.function
        self.function: Callable[P, R] = function
        self.signature = Signature(function)
        self._approval = _check_approval(function, "never" if approval is None else approval)
        self._timeout_s = _check_timeout(function, timeout_s)
        self._schema = ToolSchema(
            name=_check_name(function, name or getattr(function, "__name__", "") or name_of(function)),
            description=description or self.signature.description,
            input_schema=self.signature.input_schema,
        )
        update_wrapper(self, function, updated=())

    @property
    def schema(self) -> ToolSchema:
        """What a model is told of it."""
        return self._schema

    @property
    def approval(self) -> Approval:
        """Whether a person is asked first."""
        return self._approval

    @property
    def timeout_s(self) -> float | None:
        """How long it may work, in seconds."""
        return self._timeout_s

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was written."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self._schema.name}>"

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        """Call it for a model; see ``call_function``."""
        return await call_function(self.function, self.signature, use, context)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *, name: str = "", description: str = "", approval: Approval | None = None, timeout_s: float | None = None
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a function: ``@tool``, or ``@tool(approval="always")``.

    Args:
        function: The function, when there are no options.
        **options: ``name``, ``description``, ``approval``, ``timeout_s``, as in ``FunctionTool``.

    Raises:
        ConfigError: The function cannot be one.

    Rule: TL3, TL4.
    """
    if function is not None:
        return FunctionTool(function, **options)
    return lambda decorated: FunctionTool(decorated, **options)


@overload
def as_tool(given: Callable[P, R]) -> FunctionTool[P, R]: ...


@overload
def as_tool(given: Tool) -> Tool: ...


def as_tool(given: Any) -> Any:
    """A function as a tool; what is a tool already, of whatever kind, stays as it is.

    Raises:
        ConfigError: It is neither, or the function cannot be one.
    """
    is_tool = isinstance(getattr(given, "schema", None), ToolSchema)
    return given if is_tool else FunctionTool(given)


def _check_name(function: Callable[..., Any], name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _error(function, f"name: expected 1-64 of a-z A-Z 0-9 _ -, got {name!r}")
    return name


def _check_approval(function: Callable[..., Any], approval: Approval) -> Approval:
    if approval not in ("never", "always") and not callable(approval):
        raise _error(function, f"approval: expected never, always or a function, got {approval!r}")
    return approval


def _check_timeout(function: Callable[..., Any], timeout_s: float | None) -> float | None:
    if timeout_s is None:
        return None
    given: Any = timeout_s
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not (is_number and math.isfinite(given) and given > 0):
        raise _error(function, f"timeout_s: expected a number of seconds above 0, got {timeout_s!r}")
    return timeout_s


def _error(function: Callable[..., Any], reason: str) -> ConfigError:
    return ConfigError(f"the tool's function {name_of(function)}: {reason}")
