"""Results as files of a directory, one for each key, under the key's own name."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from kombu.utils.encoding import ensure_bytes

from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import ImproperlyConfigured

__all__ = ("FilesystemBackend",)

E_PATH_NOT_CONFORMING_SCHEME: Final = (
    "The path of the file system backend is a URL of the form file:///path/to/directory"
)
E_PATH_INVALID: Final = (
    "The directory {path} of the file system backend cannot be written to: "
    "it must exist, and this process must be allowed to make files in it"
)

#: Begins the names of files that are being written.
UNFINISHED: Final = b".celery-unfinished-"


class FilesystemBackend(KeyValueStoreBackend):
    """Keeps results in a directory, which all workers and clients share.

    A file appears complete or not at all.

    Args:
        url: ``file:///path``; the directory must exist.
        open: Opens files.
        unlink: Removes files.
        sep: Separates directories.
        encoding: Of file names.
        *args: As for the base class.
        **kwargs: As for the base class.
    """

    supports_result_compression = True

    def __init__(
        self,
        url: str | None = None,
        open: Callable[..., Any] = open,
        unlink: Callable[[Any], Any] = os.unlink,
        sep: str = os.sep,
        encoding: str = sys.getfilesystemencoding(),
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.url = url
        self.path = os.fsencode(self._find_path(url))
        self.sep = sep.encode(encoding)
        self.open = open
        self.unlink = unlink
        self._do_directory_test(UNFINISHED + uuid4().hex.encode())

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return super().__reduce__(args, {"url": self.url, **(kwargs or {})})

    def _find_path(self, url: str | None) -> str:
        if not url:
            raise ImproperlyConfigured("You need to configure a path for the file-system backend")
        if url.startswith("file://localhost/"):
            return url.removeprefix("file://localhost")
        if url.startswith("file://"):
            return url.removeprefix("file://")
        raise ImproperlyConfigured(E_PATH_NOT_CONFORMING_SCHEME)

    def _do_directory_test(self, key: bytes) -> None:
        """Raise ImproperlyConfigured if files cannot be written and read."""
        try:
            self.set(key, b"test value")
            complete = self.get(key) == b"test value"
            self.delete(key)
        except OSError as exc:
            raise ImproperlyConfigured(E_PATH_INVALID.format(path=os.fsdecode(self.path))) from exc
        if not complete:
            raise ImproperlyConfigured(E_PATH_INVALID.format(path=os.fsdecode(self.path)))

    def _filename(self, key: Any) -> bytes:
        """Return the path of the file for `key`; a separator in an id must not lead elsewhere."""
        name = ensure_bytes(key).replace(b"%", b"%25").replace(self.sep, b"%2F")
        return self.sep.join([self.path, name])

    def get(self, key: Any) -> Any:
        """Return what is in the file, or None."""
        try:
            with self.open(self._filename(key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def set(self, key: Any, value: Any) -> None:
        """Write the file."""
        unfinished = self._filename(UNFINISHED + uuid4().hex.encode())
        try:
            with self.open(unfinished, "wb") as file:
                file.write(ensure_bytes(value))
            os.replace(unfinished, self._filename(key))
        except BaseException:
            self._remove(unfinished)
            raise

    def delete(self, key: Any) -> None:
        """Remove the file."""
        self._remove(self._filename(key))

    def _remove(self, path: bytes) -> None:
        try:
            self.unlink(path)
        except FileNotFoundError:
            # Somebody else was faster, or it was never there: it is gone.
            return

    def cleanup(self) -> None:
        """Remove the files that were last written more than :attr:`expires` seconds ago."""
        if not self.expires:
            return
        oldest = time.time() - self.expires
        ours = (self.task_keyprefix, self.group_keyprefix, self.chord_keyprefix, UNFINISHED)
        with os.scandir(self.path) as entries:
            candidates = [entry for entry in entries if entry.name.startswith(ours)]
        for entry in candidates:
            try:
                expired = entry.stat().st_mtime < oldest
            except FileNotFoundError:
                continue
            if expired:
                self._remove(entry.path)
