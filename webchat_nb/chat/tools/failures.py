"""What is said of a tool's failure: all of it to the model, none of its words to the log.

Rule: TL1, AC7.
"""

from __future__ import annotations

import logging
import traceback


def words_of(error: BaseException) -> str:
    """For the model, which can go on from there: the exception's type and words."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def log_failure(log: logging.Logger, what: str, error: BaseException) -> None:
    """For whoever runs the server: where it happened. Neither words nor arguments: they may be the conversation's."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.warning("%s: %s\n%s", what, type(error).__name__, frames)
