"""Chords on Redis: one call of a script counts a part and tells who is to end the chord."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from celery._stores.redis.keys import chord_keys
from celery._stores.redis.scripts import load
from celery.backends._chord import finish_chord
from celery.result.group_result import GroupResult
from celery.states import EXCEPTION_STATES, PROPAGATE_STATES

if TYPE_CHECKING:
    from celery.backends.redis import RedisBackend

__all__ = ("add_to_chord", "count_part", "prepare_chord", "set_chord_size")

#: Seconds after which, at the earliest, a chord whose claimant has died may be ended by a part
#: that runs once more.
CLAIM_S: Final = 6
#: Seconds for which parts that run once more find their chord ended.
DONE_S: Final = 300

_chord_part = load("chord_part")
_chord_done = load("chord_done")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a chord as it is kept: ``[1, task id, state, result]``."""

    id: str
    state: str
    result: Any


def prepare_chord(backend: "RedisBackend", header: GroupResult) -> None:
    """Save the header if it has groups in it: their parts alone do not tell how they nest."""
    if any(isinstance(result, GroupResult) for result in header.results):
        header.save(backend=backend)  # type: ignore[arg-type]  # the port is that of stores


def set_chord_size(backend: "RedisBackend", group_id: str, size: int) -> None:
    """Take note of how many parts there are."""
    _, _, key, _, _ = _keys(backend, group_id)
    backend.run(("SET", key, size, "EX", _lifetime_s(backend)))


def add_to_chord(backend: "RedisBackend", group_id: str) -> None:
    """One part more."""
    _, extra, _, _, _ = _keys(backend, group_id)
    backend.run(("INCR", extra), ("EXPIRE", extra, _lifetime_s(backend)))


def count_part(backend: "RedisBackend", request: Any, state: str, result: Any) -> None:
    """Count one part of a chord that has ended; end the chord with the last one.

    A part that runs twice is counted once. If the process that is to end the chord dies while it
    does, a part that runs once more ends it.
    """
    task_id, group_id, index = request.id, request.group, request.group_index
    if not (task_id and group_id):
        return
    keys = _keys(backend, group_id)
    part = backend.encode([1, task_id, state, backend.encode_result(result, state)])
    token = uuid4().hex
    (claimed,) = backend.run(
        _chord_part(
            keys,
            "zset" if backend.chord_ordered else "list",
            part,
            "+inf" if index is None else index,
            f"{task_id}:{'' if index is None else index}",
            _lifetime_s(backend),
            token,
            max(math.ceil(2 * backend.app.conf.result_chord_join_timeout), CLAIM_S),
        )
    )
    if claimed:
        _end(backend, request, keys, token)


def _end(backend: "RedisBackend", request: Any, keys: tuple[Any, ...], token: str) -> None:
    callback = backend.app.signature(request.chord)
    read_parts = ("ZRANGE" if backend.chord_ordered else "LRANGE", keys[0], 0, -1)
    kept, saved = backend.run(read_parts, ("GET", backend.get_key_for_group(request.group)))
    if saved:
        header = backend.restore_group(request.group, cache=False)
        timeout = backend.app.conf.result_chord_join_timeout
        joiner = _Joiner(
            lambda: header.join_native(timeout=timeout, propagate=True), header._failed_join_report
        )
    else:
        parts = [_Part(*backend.decode(payload)[1:]) for payload in kept]
        joiner = _Joiner(lambda: _values(backend, parts), lambda: _failures(parts))
    finish_chord(backend, callback, request.group, joiner.join, joiner.failures)
    backend.run(_chord_done(keys, token, "done" if joiner.joined else "failed", DONE_S))


class _Joiner:
    """The two functions that ending a chord asks for, and whether the first one succeeded."""

    def __init__(
        self, join: Callable[[], list[Any]], failures: Callable[[], Iterator[Any]]
    ) -> None:
        self._join = join
        self.failures = failures
        self.joined = False

    def join(self) -> list[Any]:
        values = self._join()
        self.joined = True
        return values


def _values(backend: "RedisBackend", parts: list[_Part]) -> list[Any]:
    """The parts' results in order, or the error of the first one that failed."""
    for part in parts:
        if part.state in PROPAGATE_STATES:
            error = backend.exception_to_python(part.result)
            raise error if error is not None else RuntimeError(f"{part.id}: {part.state}")
    return [
        backend.exception_to_python(part.result) if part.state in EXCEPTION_STATES else part.result
        for part in parts
    ]


def _failures(parts: list[_Part]) -> Iterator[_Part]:
    return (part for part in parts if part.state in PROPAGATE_STATES)


def _keys(backend: "RedisBackend", group_id: str) -> tuple[Any, ...]:
    return chord_keys(backend.get_key_for_group(group_id))


def _lifetime_s(backend: "RedisBackend") -> int:
    expires = backend.chord_expires
    # Without an expiry of results the bookkeeping of chords that never end would stay for ever.
    return max(int(expires), 1) if expires else 7 * 86400
