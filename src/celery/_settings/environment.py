"""The four settings the environment can give, as the layer above all others."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ("ENVIRONMENT", "Environment")

_VARIABLES: Final = {
    "broker_url": "CELERY_BROKER_URL",
    "broker_read_url": "CELERY_BROKER_READ_URL",
    "broker_write_url": "CELERY_BROKER_WRITE_URL",
    "result_backend": "CELERY_RESULT_BACKEND",
}


class Environment(Mapping[str, str]):
    """A mapping of the settings for which a variable is set now; an empty one counts as not set."""

    __slots__ = ()

    def __getitem__(self, key: str) -> str:
        value = os.environ.get(_VARIABLES[key])
        if not value:
            raise KeyError(key)
        return value

    # Asked at each reading of any setting, nearly always in vain: without raising KeyError.
    def get(self, key: str, default: Any = None) -> Any:
        variable = _VARIABLES.get(key)
        return default if variable is None else os.environ.get(variable) or default

    def __iter__(self) -> Iterator[str]:
        return (key for key, variable in _VARIABLES.items() if os.environ.get(variable))

    def __len__(self) -> int:
        return sum(1 for _ in self)


ENVIRONMENT: Final = Environment()
