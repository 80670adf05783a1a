"""Every rule of SPEC.md has a test that names it, and every name in a test is a rule.

A rule whose test is still to be written is listed in SPEC.md under "## Rules not yet proven", as `- ID: reason`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "webchat_nb" / "SPEC.md").read_text(encoding="utf-8")
UNPROVEN_HEADING = "Rules not yet proven"

RULE_LINE = re.compile(r"^- \*\*([A-Z]{2}\d+)\*\*", re.MULTILINE)
UNPROVEN_LINE = re.compile(r"^- ([A-Z]{2}\d+): \S")
JS_TITLE = re.compile(r"""["'`]\[([A-Z]{2}\d+(?:,\s*[A-Z]{2}\d+)*)\] """)

Proofs = dict[str, list[str]]


def rules() -> list[str]:
    return RULE_LINE.findall(SPEC)


def unproven_lines() -> list[str]:
    section = re.search(rf"^## (?:\d+\. )?{UNPROVEN_HEADING}\n(.*?)(?=^## |\Z)", SPEC, re.MULTILINE | re.DOTALL)
    return [line for line in section[1].splitlines() if line.startswith("- ")] if section else []


def unproven_rules() -> set[str]:
    return {match[1] for line in unproven_lines() if (match := UNPROVEN_LINE.match(line))}


def marked_rules(source: str) -> Iterator[str]:
    """Ids in every `pytest.mark.rule(…)`: as a decorator, in a `pytestmark`, in the marks of a parameter."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr="rule", value=ast.Attribute(attr="mark")), args=arguments):
                for argument in arguments:
                    # What is not written out, a name for instance, could be checked by nobody who reads.
                    yield argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)


def titled_rules(source: str) -> Iterator[str]:
    """Ids in the `[…]` that a title of vitest's begins with."""
    for ids in JS_TITLE.findall(source):
        yield from re.split(r",\s*", ids)


def python_tests() -> Iterator[Path]:
    yield from (ROOT / "tests").rglob("*.py")
    yield from (ROOT / "webchat_nb" / "testing").rglob("*.py")  # the contract suites, which tests/contract inherits


def js_tests() -> Iterator[Path]:
    for folder in ("src", "test"):
        yield from (ROOT / "js" / folder).rglob("*.test.ts*")


@cache
def proofs() -> Proofs:
    found: Proofs = {}
    for paths, ids_in in ((python_tests(), marked_rules), (js_tests(), titled_rules)):
        for path in paths:
            for rule in ids_in(path.read_text(encoding="utf-8")):
                found.setdefault(rule, []).append(path.relative_to(ROOT).as_posix())
    return found


def test_every_rule_has_one_id() -> None:
    assert rules()
    assert sorted(rules()) == sorted(set(rules()))


def test_every_id_in_a_test_is_a_rule() -> None:
    unknown = {rule: where for rule, where in proofs().items() if rule not in rules()}
    assert not unknown


def test_every_rule_is_proven_or_says_why_not() -> None:
    silent = [rule for rule in rules() if rule not in proofs() and rule not in unproven_rules()]
    assert not silent, f'Write the tests, or list in SPEC.md under "## {UNPROVEN_HEADING}": {", ".join(silent)}'


def test_the_list_of_unproven_rules_is_of_today() -> None:
    stale = {rule: where for rule, where in proofs().items() if rule in unproven_rules()}
    assert not stale, f"These have a proof now; take them off the list: {stale}"
    assert unproven_rules() <= set(rules())


def test_every_unproven_rule_has_a_reason() -> None:
    assert [line for line in unproven_lines() if not UNPROVEN_LINE.match(line)] == []


def test_marks_are_found_wherever_they_stand() -> None:
    source = """
pytestmark = pytest.mark.rule("AA1")
@pytest.mark.rule("AA2", "AA3")
class TestX:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("AA4"))])
    def test_y(self, x): "pytest.mark.rule('AA9')"
"""
    assert sorted(marked_rules(source)) == ["AA1", "AA2", "AA3", "AA4"]


def test_titles_are_found_in_each_kind_of_call() -> None:
    source = """
describe("[AA1] merging", () => {
  it.each([1, 2])('[AA2, AA3] %i', () => { expect("[AA9]") });
  test(
    `[AA4] a title on its own line`, () => {});
});
"""
    assert list(titled_rules(source)) == ["AA1", "AA2", "AA3", "AA4"]
