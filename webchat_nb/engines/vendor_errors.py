"""What is told when a vendor's server does not answer as it should: a code, a safe sentence, whether to try again.

No sentence holds a key, an address or a header. A vendor's own words are quoted only where they say what to mend, and
then without anything that looks like a key.

Rule: EN5, RN5, AC7.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.vendor import Vendor, key_variable
from webchat_nb.errors import EngineError, WebchatError

_log = logging.getLogger(__name__)

_MAX_QUOTE_CHARS: Final = 300
_KEY_LIKE: Final = re.compile(r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|rk|key|api|token)[-_][\w*.-]{6,})")
_REQUEST_STATUS: Final = frozenset({400, 409, 413, 422})

_STATUS_OF_KIND: Final[Mapping[str, int]] = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "insufficient_quota": 402,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "server_error": 500,
    "timeout_error": 504,
}
"""What the vendors call errors that come in a stream, after its 200."""


@contextmanager
def told_safely(sdk: Any, plan: EnginePlan, vendor: Vendor, secret: str) -> Iterator[None]:
    """Turn whatever a request or its stream raises into an ``EngineError``.

    Args:
        sdk: The vendor's module: OpenAI's and Anthropic's name their exceptions alike.
        plan: What to name in the sentence.
        vendor: Whose server it is, when the plan names none.
        secret: The key, which a server may quote.
    """
    try:
        yield
    except WebchatError:
        raise
    except sdk.APITimeoutError:
        raise timed_out() from None
    except sdk.APIConnectionError as error:
        raise connection_failed(error) from None
    except sdk.APIStatusError as error:
        raise error_of(error.status_code, error.body, plan, vendor, secret, headers=error.response.headers) from None
    except sdk.APIError as error:
        raise error_of(200, error.body, plan, vendor, secret) from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        _log.warning("%s sent what cannot be read: %s", vendor.module, type(error).__name__)
        raise EngineError(
            "the model's server sent what cannot be read", code="unreadable_answer", retryable=True
        ) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "httpcore2"):
            raise
        if "Timeout" in type(error).__name__:
            raise timed_out() from None
        raise connection_failed(error) from None


def error_of(
    status: int,
    body: Any,
    plan: EnginePlan,
    vendor: Vendor | None = None,
    secret: str = "",
    *,
    headers: Mapping[str, str] | None = None,
) -> EngineError:
    """The error of a refusal.

    Args:
        status: The HTTP status; below 400 when the refusal came in a stream.
        body: The vendor's JSON, or a text.
        plan: What to name in the sentence.
        vendor: Whose server it is, when the plan names none; None: not known here.
        secret: The key.
        headers: Of the answer; ``Retry-After`` in seconds becomes ``retry_after_s``.
    """
    kinds, message = _read(body)
    if status < 400 or "insufficient_quota" in kinds:
        status = next((_STATUS_OF_KIND[kind] for kind in kinds if kind in _STATUS_OF_KIND), _numeric(kinds))
    profile = f"profile {plan.profile!r}"
    if status in (401, 403):
        variable = plan.api_key_env if vendor is None else key_variable(plan, vendor)
        mend = f"see the key in {variable}" if variable else f"it may want a key: see api_key_env of {profile}"
        return EngineError(f"the model's server does not let us in ({status}); {mend}", code="key_refused")
    if status == 402:
        return EngineError(f"the account at the model's server has nothing left ({status})", code="quota_exceeded")
    if status == 404:
        text = f"the model's server has no {plan.model!r} ({status}); see model and base_url of {profile}"
        return EngineError(text, code="unknown_model")
    if status in _REQUEST_STATUS:
        text = (
            f"the model's server does not take the request ({status}); see options of {profile}{quote(message, secret)}"
        )
        return EngineError(text, code="request_refused", retryable=status == 409)
    if status == 429:
        error = EngineError(f"the model's server has too much to do ({status})", code="rate_limited", retryable=True)
    else:
        number = f" ({status})" if status else ""
        is_retryable = not status or status >= 408
        error = EngineError(f"the model's server failed{number}", code="model_unavailable", retryable=is_retryable)
    error.retry_after_s = _retry_after_s(headers or {})
    return error


def _read(body: Any) -> tuple[list[str], str]:
    """The words that an error is known by, and its sentence; both vendors' shapes."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return [], body if isinstance(body, str) else ""
    kinds = [str(body[name]) for name in ("code", "type") if body.get(name) is not None]
    return kinds, str(body.get("message") or "")


def _numeric(kinds: list[str]) -> int:
    """Some servers write the status where others write a word; 0: neither."""
    return next((int(kind) for kind in kinds if re.fullmatch(r"[45]\d\d", kind)), 0)


def quote(message: str, secret: str = "") -> str:
    """A vendor's words as the end of a sentence, without anything that looks like a key; "" when they say nothing."""
    text = " ".join(message.split())
    if not text or text.startswith("<"):  # a page of a proxy's says nothing to a person
        return ""
    if len(secret) > 4:
        text = text.replace(secret, "…")
    text = _KEY_LIKE.sub("…", text)
    return f": {text if len(text) <= _MAX_QUOTE_CHARS else text[:_MAX_QUOTE_CHARS] + '…'}"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit_s
        except (KeyError, ValueError):  # a date is not worth a clock
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def timed_out() -> EngineError:
    """No byte for longer than the stream may be silent."""
    return EngineError("the model's server was silent for too long", code="timed_out", retryable=True)


def connection_failed(error: Exception) -> EngineError:
    """No connection, or one that broke in the middle; which of them is in the log."""
    _log.info("the connection to a model's server failed: %s", type(error.__cause__ or error).__name__)
    text = "the connection to the model's server failed or broke off"
    return EngineError(text, code="connection_failed", retryable=True)


def broken_off() -> EngineError:
    """A stream that ended before it said that the answer is whole."""
    return EngineError("the model's answer broke off before its end", code="broken_off", retryable=True)
