"""TL3, TL4: what makes a function a tool, and what is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.unit.chat.tools.calls import call
from webchat_nb.chat.tools.functions.declared import FunctionTool, as_tool, tool
from webchat_nb.errors import ConfigError

pytestmark = pytest.mark.rule("TL3")


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


class Counter:
    """Counts on."""

    def __init__(self) -> None:
        self.total = 0

    def count(self, by: int) -> int:
        """Count."""
        self.total += by
        return self.total

    async def __call__(self, by: int) -> int:
        return self.count(by)


def test_a_bare_decorator_takes_the_function_as_it_is() -> None:
    decorated = tool(add)

    assert (decorated.schema.name, decorated.schema.description) == ("add", "Add two numbers.")
    assert (decorated.approval, decorated.timeout_s) == ("never", None)
    assert decorated(2, b=3) == 5
    assert (decorated.__name__, decorated.__doc__) == ("add", "Add two numbers.")


@pytest.mark.rule("TL4")
def test_options_go_before_what_the_function_says() -> None:
    def is_large(arguments: dict[str, Any]) -> bool:
        return bool(arguments["a"] > 10)

    decorated = tool(name="plus", description="Sums.", approval=is_large, timeout_s=2.5)(add)

    assert (decorated.schema.name, decorated.schema.description) == ("plus", "Sums.")
    assert (decorated.approval, decorated.timeout_s) == (is_large, 2.5)
    assert decorated(1) == 2


def test_what_is_a_tool_stays_as_it_is() -> None:
    decorated = tool(add)

    assert as_tool(decorated) is decorated
    assert isinstance(as_tool(add), FunctionTool)


@pytest.mark.rule("TL4")
def test_a_tool_that_is_declared_again_keeps_what_is_not_said_anew() -> None:
    first = tool(name="plus", description="Sums.", approval="always", timeout_s=2)(add)

    again = tool(first)
    assert (again.schema, again.approval, again.timeout_s) == (first.schema, "always", 2)
    renamed = FunctionTool(first, name="sum", approval="never")
    assert (renamed.schema.name, renamed.approval, renamed.timeout_s) == ("sum", "never", 2)
    assert renamed.function is add


def test_a_tool_of_another_kind_is_passed_on() -> None:
    class Elsewhere:
        schema = tool(add).schema

    elsewhere: Any = Elsewhere()
    assert as_tool(elsewhere) is elsewhere


async def test_methods_partials_and_objects_are_functions_too() -> None:
    counter = Counter()

    assert (await call(tool(counter.count), by=2)).result == "2"
    assert (await call(tool(counter, name="count_on"), by=3)).result == "5"
    assert (await call(FunctionTool(partial(add, b=10), name="add_ten"), a=1)).result == "11"
    assert (await call(FunctionTool(partial(add, 5), name="add_to_five"), b=1)).result == "6"
    assert tool(counter).schema.name == "Counter"


async def test_what_a_partial_brings_along_is_not_the_model_s_to_see_or_choose() -> None:
    bound = FunctionTool(partial(partial(add, a=1), b=10), name="eleven")

    assert bound.schema.input_schema["properties"] == {}
    assert (await call(bound)).result == "11"
    assert (await call(bound, b=5)).is_error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "add numbers"}, "add: name: expected 1-64 of a-z A-Z 0-9 _ -, got 'add numbers'"),
        ({"name": "a" * 65}, "add: name: expected 1-64"),
        ({"name": "add\n"}, "add: name: expected 1-64"),
        ({"approval": "sometimes"}, "add: approval: expected never, always or a function, got 'sometimes'"),
        ({"approval": True}, "add: approval: expected never"),
        ({"timeout_s": 0}, "add: timeout_s: expected a number of seconds above 0, got 0"),
        ({"timeout_s": float("inf")}, "add: timeout_s"),
        ({"timeout_s": True}, "add: timeout_s"),
        ({"timeout_s": "5"}, "add: timeout_s"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tool(**options)(add)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(ConfigError, match="name: expected 1-64 of a-z A-Z 0-9 _ -, got '<lambda>'"):
        tool(lambda city: city)
    assert tool(name="echo")(lambda city: city).schema.name == "echo"


def test_what_cannot_be_called_is_no_tool() -> None:
    with pytest.raises(ConfigError, match="expected a function, got a str"):
        as_tool("get_weather")  # type: ignore[call-overload]
