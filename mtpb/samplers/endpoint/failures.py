"""What a failed request means: try again, end the run, or the conversation has no more room.

Decided by status and error codes. Only that the context is full is also read from a refusal's
words, since some servers have no code for it.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from mtpb.errors import UsageError
from mtpb.samplers.endpoint.credentials import KEY, redacted

LONGEST_WAIT = 600.0  # seconds; what a server asks for beyond that is cut to it

_AGAIN = (408, 409, 425, 429)
_NO_ROOM = {
    ("code", "context_length_exceeded"),  # OpenAI, and the server of this project
    ("type", "exceed_context_size_error"),  # llama.cpp
    ("param", "input_tokens"),  # vLLM
}
_REFUSED = (400, 413, 422)
_NO_ROOM_WORDS = re.compile(
    r"context (length|window|size)"  # SGLang, many hosts
    r"|inputs\W+ tokens \+ \W+max_new_tokens",  # TGI
    re.IGNORECASE,
)
_MOST = 300  # characters of a server's own words


class TemporaryError(Exception):
    """The request failed in a way that another try may not. `wait`: seconds that the server asks
    for, None where it does not say."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class NoRoomError(Exception):
    """The prompt leaves no room in the model's context."""


def failure(error: openai.OpenAIError, place: str, model: str) -> Exception:
    """What to raise instead of a client's error: TemporaryError, NoRoomError or UsageError."""
    if isinstance(error, openai.APITimeoutError):
        return TemporaryError("no answer in time")
    if isinstance(error, openai.APIConnectionError):
        return TemporaryError(f"no connection ({_cause(error)})")
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, place, model)
    words = _words(error) if isinstance(error, openai.APIError) else type(error).__name__
    return TemporaryError(f"broke off ({words})")


def _refusal(error: openai.APIStatusError, place: str, model: str) -> Exception:
    status = error.status_code
    if _context_is_full(error):
        return NoRoomError(_words(error))
    spent = error.code == "insufficient_quota"  # says 429, but waiting does not help
    if (status in _AGAIN and not spent) or status >= 500:
        return TemporaryError(f"status {status} ({_words(error)})", retry_after(error))
    remedy = {
        401: f"; is {KEY} set to a key of this server?",
        403: f"; may the key in {KEY} use this model?",
        404: f"; does the server have model.name={model}, and does model.base_url end as the "
        "server's documentation says, with /v1 for most?",
    }.get(status, "")
    return UsageError(f"{place}: refused with status {status} ({_words(error)}){remedy}")


def _context_is_full(error: openai.APIStatusError) -> bool:
    named = any(getattr(error, key, None) == value for key, value in _NO_ROOM)
    return named or (
        error.status_code in _REFUSED and _NO_ROOM_WORDS.search(_words(error)) is not None
    )


def retry_after(error: openai.APIStatusError) -> float | None:
    """The seconds that the server asks to wait: a number, or until a date; None if it does not."""
    value = error.response.headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None


def _words(error: openai.APIError) -> str:
    """The server's own words, in one line and without the key."""
    body: Any = error.body
    said = body.get("message") if isinstance(body, dict) else None
    text = said if isinstance(said, str) and said.strip() else error.message
    return redacted(" ".join(text.split()))[:_MOST]


def _cause(error: BaseException) -> str:
    """The first cause that says something, such as the system's word for a refused connection."""
    found, cause = "", error.__cause__
    while cause is not None:
        found, cause = str(cause) or found or type(cause).__name__, cause.__cause__
    return redacted(" ".join((found or "reason unknown").split()))[:_MOST]
