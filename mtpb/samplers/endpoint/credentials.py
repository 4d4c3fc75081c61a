"""Keys come from the environment only, and go nowhere but to the server.

The command line is written into every manifest and shown in messages, so a key on it is refused
before anything else happens.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from mtpb.errors import UsageError

KEY = "OPENAI_API_KEY"
BASE_URL = "OPENAI_BASE_URL"

_SECRET = re.compile(
    r"^[+~]*(?P<name>(?:[\w.-]*[._-])?(?:api[_-]?key|authorization|password|secret|access[_-]?token))=.",
    re.IGNORECASE,
)
_SHORT = 8  # characters; a shorter key is a placeholder such as EMPTY, and may be anywhere


def refuse_credentials(arguments: Iterable[str]) -> None:
    """Raises UsageError for a command line that has a key on it, without repeating it."""
    key = os.environ.get(KEY, "")
    for argument in arguments:
        found = _SECRET.match(argument)
        if found:
            raise UsageError(
                f"{found['name']}=…: a command line is kept in the manifest, so no key may be on "
                f"it; set {KEY} in the environment instead"
            )
        if len(key) >= _SHORT and key in argument:
            raise UsageError(
                f"the value of {KEY} is part of the command line, which is kept in the manifest; "
                "leave it to the environment"
            )


def checked_base_url(url: str, where: str) -> str:
    """The address of a server, which `where` names.

    Raises UsageError for what is none, and for one that carries credentials, which would be kept in
    the manifest.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{where}: is no address; give http://HOST:PORT/v1") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            f"{where}: has a user, a password or a query in it; give the address alone, and put "
            f"the key into {KEY}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(f"{where}={url}: is no address; give http://HOST:PORT/v1")
    return url.rstrip("/")


def redacted(text: str) -> str:
    """The text without the key, which some servers repeat in their refusals."""
    key = os.environ.get(KEY, "")
    return text.replace(key, "…") if len(key) >= _SHORT else text
