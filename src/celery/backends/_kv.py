"""Stores of keys and values: names of keys, reading many at once, groups."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kombu.utils.encoding import bytes_to_str, ensure_bytes

from celery.backends._backend import Backend
from celery.backends._chord import count_part
from celery.result.tree import result_from_tuple
from celery.states import PENDING, READY_STATES, SUCCESS

__all__ = ("BaseKeyValueStoreBackend",)

#: If the prefix all keys share does not end in one of these, an underscore follows it.
PREFIX_ENDINGS = ":_-."


class BaseKeyValueStoreBackend(Backend):
    """A backend over ``get``, ``set``, ``delete``; and ``mget``, ``incr``, ``expire``, if possible.

    Keys are, by default, bytes::

        celery-task-meta-<task id>         metadata of a task
        celery-taskset-meta-<group id>     ids of a group
        chord-unlock-<group id>            number of parts of a chord that have ended

    with ``global_keyprefix`` of ``result_backend_transport_options`` in front.
    """

    #: Makes a key, or a part of one, of text or bytes.
    key_t: Callable[[Any], Any] = staticmethod(ensure_bytes)
    task_keyprefix: Any = "celery-task-meta-"
    group_keyprefix: Any = "celery-taskset-meta-"
    chord_keyprefix: Any = "chord-unlock-"
    #: Whether ``incr`` is there, and atomic: then chords are counted.
    implements_incr: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_global_keyprefix()
        self._encode_prefixes()

    def _add_global_keyprefix(self) -> None:
        """Put ``global_keyprefix`` in front of the keys of this instance."""
        prefix = self.app.conf.result_backend_transport_options.get("global_keyprefix")
        if not prefix:
            return
        if prefix[-1] not in PREFIX_ENDINGS:
            prefix += "_"
        self.task_keyprefix = f"{prefix}{self.task_keyprefix}"
        self.group_keyprefix = f"{prefix}{self.group_keyprefix}"
        self.chord_keyprefix = f"{prefix}{self.chord_keyprefix}"

    def _encode_prefixes(self) -> None:
        self.task_keyprefix = self.key_t(self.task_keyprefix)
        self.group_keyprefix = self.key_t(self.group_keyprefix)
        self.chord_keyprefix = self.key_t(self.chord_keyprefix)

    # -- the steps of a store of keys and values

    def get(self, key: Any) -> Any:
        """Return the value of `key`, or None."""
        raise NotImplementedError("Must implement the get method.")

    def mget(self, keys: list[Any]) -> Any:
        """Return the values of `keys`: a list in their order, or a dictionary of those found."""
        return [self.get(key) for key in keys]

    def set(self, key: Any, value: Any) -> Any:
        """Write `value`; it goes after :attr:`expires` seconds, if the store can do that."""
        raise NotImplementedError("Must implement the set method.")

    def _set_with_state(self, key: Any, value: Any, state: str) -> Any:
        """Write `value`, which belongs to a task or group in `state`."""
        return self.set(key, value)

    def delete(self, key: Any) -> Any:
        """Remove `key`; if it is not there, do nothing."""
        raise NotImplementedError("Must implement the delete method")

    def incr(self, key: Any) -> int:
        """Add one to the number at `key`, starting from 0, and return it: one atomic step."""
        raise NotImplementedError("Does not implement incr")

    def expire(self, key: Any, value: Any) -> Any:
        """Let `key` go after `value` seconds, if the store can do that."""

    # -- keys

    def get_key_for_task(self, task_id: Any, key: Any = "") -> Any:
        """Return the key of the task's metadata."""
        if not task_id:
            raise ValueError(f"task_id must not be empty. Got {task_id} instead.")
        return self._get_key_for(self.task_keyprefix, task_id, key)

    def get_key_for_group(self, group_id: Any, key: Any = "") -> Any:
        """Return the key of the group, or, with `key`, of something that belongs to it."""
        if not group_id:
            raise ValueError(f"group_id must not be empty. Got {group_id} instead.")
        return self._get_key_for(self.group_keyprefix, group_id, key)

    def get_key_for_chord(self, group_id: Any, key: Any = "") -> Any:
        """Return the key of the chord's counter."""
        if not group_id:
            raise ValueError(f"group_id must not be empty. Got {group_id} instead.")
        return self._get_key_for(self.chord_keyprefix, group_id, key)

    def _get_key_for(self, prefix: Any, id: Any, key: Any = "") -> Any:
        to_key = self.key_t
        return to_key("").join([prefix, to_key(id), to_key(key)])

    def _strip_prefix(self, key: Any) -> str:
        """Return the id in `key`."""
        key = self.key_t(key)
        for prefix in (self.task_keyprefix, self.group_keyprefix):
            if key.startswith(prefix):
                key = key[len(prefix) :]
                break
        stripped: str = bytes_to_str(key)
        return stripped

    # -- tasks

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        # A task may have been delivered twice: what its first run has returned is final.
        if self._get_task_meta_for(task_id)["status"] == SUCCESS:
            return result
        meta = self._get_result_meta(result, state, traceback, request)
        meta["task_id"] = bytes_to_str(task_id)
        self._set_with_state(self.get_key_for_task(task_id), self.encode(meta), state)
        return result

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        payload = self.get(self.get_key_for_task(task_id))
        if not payload:
            return {"status": PENDING, "result": None}
        return self.decode_result(payload)

    def task_result_exists(self, task_id: str) -> bool:
        """Return whether anything is stored about the task."""
        return bool(self._ensure_retryable(self.get, self.get_key_for_task(task_id)))

    def _forget(self, task_id: str) -> None:
        self.delete(self.get_key_for_task(task_id))

    def _look_at(
        self, task_ids: list[str], ready_states: frozenset[str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return id and metadata of those of the tasks that have ended, in one round trip."""
        ids = []
        for task_id in task_ids:
            cached = self._cache.get(task_id)
            if cached is None:
                ids.append(task_id)
            else:
                yield task_id, cached
        if not ids:
            return
        keys = [self.get_key_for_task(task_id) for task_id in ids]
        found = self._mget_to_results(self._ensure_retryable(self.mget, keys), ids, ready_states)
        for task_id, meta in found.items():
            self._cache[task_id] = meta
            yield task_id, meta

    def _mget_to_results(
        self, values: Any, keys: Iterable[Any], READY_STATES: frozenset[str] = READY_STATES
    ) -> dict[str, dict[str, Any]]:
        """Return the metadata of the tasks that have ended, by id.

        Args:
            values: What :meth:`mget` returned.
            keys: The ids that were asked for.
            READY_STATES: What counts as ended.
        """
        if hasattr(values, "items"):
            pairs = [(self._strip_prefix(key), value) for key, value in values.items()]
        else:
            pairs = [(bytes_to_str(key), value) for key, value in zip(keys, values, strict=True)]
        metas = {key: self.decode_result(value) for key, value in pairs if value}
        return {key: meta for key, meta in metas.items() if meta["status"] in READY_STATES}

    # -- groups and chords

    def _save_group(self, group_id: str, result: Any) -> Any:
        payload = self.encode({"result": result.as_tuple()})
        self._set_with_state(self.get_key_for_group(group_id), payload, SUCCESS)
        return result

    def _restore_group(self, group_id: str) -> Any:
        payload = self.get(self.get_key_for_group(group_id))
        if not payload:
            return None
        meta = self.decode(payload)
        meta["result"] = result_from_tuple(meta["result"], self.app)
        return meta

    def _delete_group(self, group_id: str) -> None:
        self.delete(self.get_key_for_group(group_id))

    @property
    def chord_expires(self) -> Any:
        """Seconds after which what is kept about a chord goes, if it has not ended by then."""
        expires = self.app.conf.result_chord_expires
        return self.expires if expires is None else expires

    def apply_chord(self, header_result_args: Iterable[Any], body: Any, **kwargs: Any) -> None:
        """Get ready to run `body` when the header is done: by counting, if the store can."""
        if self.implements_incr:
            self._apply_chord_incr(header_result_args, body, **kwargs)
        else:
            super().apply_chord(header_result_args, body, **kwargs)

    def _apply_chord_incr(
        self, header_result_args: Iterable[Any], body: Any, **kwargs: Any
    ) -> None:
        """Get ready to count: store which parts there are."""
        self.ensure_chords_allowed()
        header = self.app.GroupResult(*header_result_args)
        header.save(backend=self)
        self.expire(self.get_key_for_group(header.id), self.chord_expires)

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Count a part of a chord that has ended, and run the body after the last one."""
        if self.implements_incr:
            count_part(self, request)
