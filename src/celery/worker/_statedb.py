"""Revoked ids and the logical clock, across restarts: the file of ``--statedb``.

A shelf of three keys, as Celery writes it: ``zrevoked`` (zlib-compressed pickle of a
`LimitedSet`), ``clock`` (int), ``__proto__`` (3).
"""

from __future__ import annotations

import pickle
import shelve
import zlib
from typing import TYPE_CHECKING, Any

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from celery.utils.collections import LimitedSet

__all__ = ["Persistent"]

logger = get_logger(__name__)

PROTOCOL = 3


class Persistent:
    """The state kept in one file.

    Args:
        state: the module `celery.worker.state`, or what has its `revoked`.
        filename: path of the shelf; the database module may append a suffix.
        clock: the logical clock, with `value`, `adjust` and `forward`.
    """

    def __init__(self, state: Any, filename: str, clock: Any = None) -> None:
        self.state = state
        self.filename = filename
        self.clock = clock
        self._shelf: shelve.Shelf[Any] | None = None

    @property
    def db(self) -> shelve.Shelf[Any]:
        """The opened file."""
        if self._shelf is None:
            self._shelf = shelve.open(  # noqa: SIM115  # closed by close()
                self.filename, protocol=pickle.HIGHEST_PROTOCOL, writeback=False
            )
        return self._shelf

    def open(self) -> shelve.Shelf[Any]:
        """Open the file, made if missing."""
        return self.db

    def merge(self) -> None:
        """Take over what the file holds. What cannot be read is left out, with a warning."""
        db = self.db
        try:
            revoked: LimitedSet = pickle.loads(zlib.decompress(db["zrevoked"]))
        except KeyError:
            pass
        except (zlib.error, pickle.UnpicklingError, EOFError, AttributeError, TypeError) as exc:
            logger.warning("Cannot read the revoked tasks of %s: %r", self.filename, exc)
        else:
            self.state.revoked.update(revoked)
        if self.clock is not None:
            self.clock.adjust(db.get("clock") or 0)

    def sync(self) -> None:
        """Put the present state into the file."""
        revoked = self.state.revoked
        revoked.purge()
        packed = zlib.compress(pickle.dumps(revoked, protocol=pickle.HIGHEST_PROTOCOL))
        self.db.update({"__proto__": PROTOCOL, "zrevoked": packed})
        if self.clock is not None:
            self.db["clock"] = self.clock.forward()
        self.db.sync()

    def save(self) -> None:
        """Put the present state into the file, and close it."""
        self.sync()
        self.close()

    def close(self) -> None:
        """Close the file. Safe twice."""
        if self._shelf is not None:
            self._shelf.close()
            self._shelf = None
