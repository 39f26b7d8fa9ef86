"""The Lua scripts beside this module: loaded once, called by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

__all__ = ["Script", "as_eval", "load"]


@dataclass(frozen=True, slots=True)
class Script:
    """One script; calling it makes the command that runs it."""

    text: str
    sha: str

    def __call__(self, keys: Sequence[Any], *args: Any) -> tuple[Any, ...]:
        """The EVALSHA command for these keys and arguments."""
        return ("EVALSHA", self.sha, len(keys), *keys, *args)


_by_sha: dict[str, Script] = {}


def load(name: str) -> Script:
    """The script in ``<name>.lua``."""
    text = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return _by_sha.setdefault(sha, Script(text, sha))


def as_eval(command: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same call with the script's text, for a server that does not know its hash yet."""
    _, sha, *rest = command
    return ("EVAL", _by_sha[sha].text, *rest)
