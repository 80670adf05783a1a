"""A path for each route of an application, so that a test can knock at every door."""

from __future__ import annotations

from collections.abc import Iterator

from tornado import web
from tornado.routing import PathMatches, Rule

SAMPLES = (
    (r"(?:messages|events|queue|feedback|export|attachments)", "events"),
    (r"(?:/.*)?", "/nowhere"),
    (r"([^/]+)", "c1"),
    (r"(.*)", "a/b"),
    ("\\", ""),
    ("$", ""),
)
"""What stands for each piece of a pattern."""


def routes_of(application: web.Application, *, below: str) -> Iterator[tuple[str, type[web.RequestHandler]]]:
    """A path and its handler, for each route whose path begins with ``below``."""
    pending: list[Rule] = list(application.default_router.rules)
    while pending:
        rule = pending.pop(0)
        inner = getattr(rule.target, "rules", None)
        if inner is not None:
            pending = list(inner) + pending
        elif isinstance(rule.matcher, PathMatches):
            path = rule.matcher.regex.pattern
            for piece, sample in SAMPLES:
                path = path.replace(piece, sample)
            if path.startswith(below):
                yield path, rule.target
