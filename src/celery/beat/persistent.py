"""A schedule that remembers, in a file, when its entries last ran.

The file is a `shelve`; what it is on disk, and how many files, is up to the `dbm` modules of the
machine. Keys:

===============  ==================================================
``entries``      dict: name -> `ScheduleEntry`
``__version__``  of the program that wrote it
``tz``           the setting `timezone`
``utc_enabled``  the setting `enable_utc`
===============  ==================================================

Only one beat may use a file. One that was killed while it wrote may leave a file that cannot be
read: that is removed, and its entries start anew, as if they had just run.
"""

from __future__ import annotations

import errno
import os
import shelve
from typing import Any, Final

from celery._version import __version__
from celery.beat.scheduler import Scheduler
from celery.utils.log import get_logger

__all__ = ["PersistentScheduler"]

logger = get_logger("celery.beat")

#: The file is not damaged: it cannot be used, and must not be removed.
_UNUSABLE: Final = frozenset(
    {
        errno.EACCES,
        errno.EAGAIN,  # another beat holds it
        errno.EISDIR,
        errno.EMFILE,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)


class PersistentScheduler(Scheduler):
    """The default scheduler: as `Scheduler`, in a file.

    Args:
        schedule_filename: its path, to which `dbm` may add a suffix; else as the settings say.
    """

    persistence = shelve
    #: What `dbm` modules add to the name.
    known_suffixes = ("", ".db", ".dat", ".bak", ".dir")

    _store: Any = None

    def __init__(self, *args: Any, schedule_filename: str | None = None, **kwargs: Any) -> None:
        self.schedule_filename = schedule_filename
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Open the file, and make its entries those of the settings.

        Raises:
            OSError: the file cannot be made, or is in use.
        """
        self._store = self._open_schedule()
        try:
            stored = self._load()
        except Exception as exc:  # whatever unpickling raises
            self._store = self._destroy_open_corrupted_schedule(exc)
            stored = {}
        self.data = stored
        super().setup_schedule()
        self._store.update(
            __version__=__version__,
            tz=self.app.conf.timezone,
            utc_enabled=self.app.conf.enable_utc,
        )
        self.sync()
        entries = "\n".join(map(repr, self.schedule.values()))
        logger.debug("Current schedule:\n%s", entries)

    @property
    def _path(self) -> str:
        return str(self.schedule_filename or self.app.conf.beat_schedule_filename)

    def _open_schedule(self) -> Any:
        try:
            return self.persistence.open(self._path)
        except Exception as exc:  # each dbm module has its own ways to fail over what it finds
            if isinstance(exc, OSError) and exc.errno in _UNUSABLE:
                raise
            return self._destroy_open_corrupted_schedule(exc)

    def _load(self) -> dict[str, Any]:
        """The entries of the file; none if they were written under another time zone.

        Raises:
            Exception: they cannot be read.
        """
        reason = self._why_reset() if len(self._store) else None
        if reason is not None:
            logger.warning("%s", reason)
            self._store.clear()
        return dict(self._store.get("entries", {}))

    def _why_reset(self) -> str | None:
        """Why the entries of the file are of no use, if so."""
        store, conf = self._store, self.app.conf
        for field in ("__version__", "tz", "utc_enabled"):
            if field not in store:
                return f"DB Reset: Account for new {field} field"
        tz, utc = store["tz"], store["utc_enabled"]
        if tz is not None and tz != conf.timezone:
            return f"Reset: Timezone changed from {tz!r} to {conf.timezone!r}"
        if utc != conf.enable_utc:
            return f"Reset: UTC changed from {_switch(utc)} to {_switch(conf.enable_utc)}"
        return None

    def _destroy_open_corrupted_schedule(self, exc: Exception) -> Any:
        """Remove a file that cannot be read, and open a new one."""
        logger.error("Removing corrupted schedule file %r: %r", self._path, exc, exc_info=exc)
        if self._store is not None:
            self._store.close()
        self._remove_db()
        return self.persistence.open(self._path)

    def _remove_db(self) -> None:
        for suffix in self.known_suffixes:
            try:
                os.remove(self._path + suffix)
            except FileNotFoundError:
                continue

    @property
    def info(self) -> str:
        """Where the schedule is kept."""
        return f"    . db -> {self._path}"

    def sync(self) -> None:
        """Write the entries to the file."""
        if self._store is not None:
            self._store["entries"] = self.data
            self._store.sync()

    def close(self) -> None:
        """Write the entries, and close the file. Safe twice."""
        super().close()
        store, self._store = self._store, None
        if store is not None:
            store.close()


def _switch(on: bool) -> str:
    return "enabled" if on else "disabled"


PersistentScheduler.__module__ = "celery.beat"
