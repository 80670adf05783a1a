"""What is told when an agent fails; the same codes and sentences as for the vendors' engines.

Rule: EN5, RN5, AC7.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.vendor_errors import connection_failed, error_of, quote, timed_out
from webchat_nb.errors import EngineError, WebchatError

_log = logging.getLogger(__name__)


@contextmanager
def agent_errors_told(plan: EnginePlan) -> Iterator[None]:
    """Turn what pydantic-ai raises into an ``EngineError``; what the agent's own tools raise stays as it is."""
    try:
        yield
    except WebchatError:
        raise
    except Exception as error:
        told = _told(error, plan)
        if told is None:
            raise
        raise told from None


def _told(error: Exception, plan: EnginePlan) -> EngineError | None:
    from pydantic_ai import exceptions

    match error:
        case exceptions.ModelHTTPError():
            return error_of(error.status_code, error.body, plan, headers=error.headers)
        case exceptions.ModelTimeoutError() | exceptions.RunTimedOut():
            return timed_out()
        case exceptions.ModelConnectionError():
            return connection_failed(error)
        case exceptions.ModelAPIError():
            return error_of(200, error.body, plan)
        case exceptions.UsageLimitExceeded():
            return EngineError(f"the agent used up what it may{quote(str(error))}", code="too_many_rounds")
        case exceptions.UnexpectedModelBehavior():
            _log.warning("an agent gave up: %s", type(error).__name__)
            text = "the agent could not make sense of what its model answered"
            return EngineError(text, code="unreadable_answer", retryable=True)
        case exceptions.UserError():
            return EngineError(f"the agent is not set up{quote(str(error))}", code="bad_config")
    return None
