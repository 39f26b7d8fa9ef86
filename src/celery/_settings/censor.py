"""Settings made fit to be shown: passwords, keys and tokens hidden."""

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ("HIDDEN_SETTINGS", "MASK", "censor", "sanitize_url")

MASK: Final = "********"

#: A setting, or a key within one, whose name has one of these in it is not shown.
HIDDEN_SETTINGS: Final = re.compile(
    "API|TOKEN|KEY|SECRET|PASS|PROFANITIES_LIST|SIGNATURE|DATABASE|BEAT_DBURI", re.IGNORECASE
)

# Up to the last "@", and not the first: people do not quote the "/" and "@" of their passwords.
_PASSWORD: Final = re.compile(r"(?P<before>[\w+.-]+://[^:@/;]*:)(?P<secret>[^;]+)(?=@)")
_PARAMETER: Final = re.compile(
    r"(?P<before>(?:^|[?&;])[^=&;]*(?:pass|secret|token|key|signature)[^=&;]*=)(?P<secret>[^&;]*)",
    re.IGNORECASE,
)
#: ``azurestoragequeues://<access key>@<account>``
_KEY_AS_USER: Final = re.compile(r"(?P<before>azurestoragequeues://)(?P<secret>[^;]+)(?=@)")


def sanitize_url(url: str, mask: str = MASK) -> str:
    """Return `url` with what is secret in it replaced by `mask`.

    Hides the passwords of each URL of a list joined by ``;``, query parameters named like a
    secret, and the keys in Azure connection strings.  Text that is no URL comes back as it is.
    """
    for pattern in (_PASSWORD, _PARAMETER, _KEY_AS_USER):
        url = pattern.sub(lambda match: match["before"] + mask, url)
    return url


def censor(settings: Mapping[Any, Any], mask: str = MASK) -> dict[Any, Any]:
    """Return a copy of `settings` without secrets, at any depth.

    The value of a key that matches :data:`HIDDEN_SETTINGS` is replaced by `mask`; in all other
    text, passwords of URLs are.
    """
    return {key: _censor_value(key, value, mask) for key, value in settings.items()}


def _censor_value(key: Any, value: Any, mask: str) -> Any:
    if isinstance(key, str) and HIDDEN_SETTINGS.search(key):
        return mask
    match value:
        case str():
            return sanitize_url(value, mask)
        case Mapping():
            return censor(value, mask)
        # Exact types: a user's own sequence may be built in another way.
        case list() if type(value) is list:
            return [_censor_value(None, item, mask) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(_censor_value(None, item, mask) for item in value)
        case _:
            return value
