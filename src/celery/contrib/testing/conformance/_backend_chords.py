"""Suite for backends: groups, and chords, whose body is sent after the last part."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from celery.contrib.testing.conformance._backend_kit import (
    PATIENCE,
    BackendKit,
    BackendOpener,
    Sent,
    new_id,
    request_of,
)
from celery.exceptions import ChordError
from celery.states import FAILURE

BODY = "conformance.body"


class ChordTests(BackendKit):
    """Groups that are saved, parts that are counted."""

    def test_group_is_restored(self, app: Any, backend: Any) -> None:
        if not self.saves_groups:
            pytest.skip("the store does not save groups")
        members = [app.AsyncResult(new_id()), app.GroupResult(new_id(), [app.AsyncResult("m")])]
        group = app.GroupResult(new_id(), members, parent=app.AsyncResult("before"))
        assert app.GroupResult.restore(group.id) is None
        group.save()
        group.save()
        restored = app.GroupResult.restore(group.id)
        assert restored == group
        assert restored.parent.id == "before"
        group.delete()
        assert app.GroupResult.restore(group.id) is None
        group.delete()

    def chord(self, app: Any, backend: Any, size: int) -> tuple[list[Any], str]:
        """Begin a chord; return the requests of its parts, and the id of its body."""
        group_id, body_id = new_id(), new_id()
        body = app.signature(BODY, args=(), options={"task_id": body_id}, app=app)
        parts = [app.AsyncResult(new_id()) for _ in range(size)]
        backend.apply_chord((group_id, parts), body)
        backend.set_chord_size(group_id, size)
        requests = [
            request_of(part.id, group=group_id, group_index=index, chord=dict(body))
            for index, part in enumerate(parts)
        ]
        return requests, body_id

    def test_body_is_sent_after_the_last_part(
        self, app: Any, backend: Any, open_backend: BackendOpener, sent: Sent
    ) -> None:
        if not self.counts_chords:
            pytest.skip("a task looks for the parts")
        requests, _ = self.chord(app, backend, 3)
        for request in reversed(requests[1:]):
            open_backend().mark_as_done(request.id, request.group_index, request=request)
            assert sent == []
        open_backend().mark_as_done(requests[0].id, 0, request=requests[0])
        assert [(name, list(args[0])) for name, args in sent] == [(BODY, [0, 1, 2])]

    def test_body_is_sent_once_however_parts_end(
        self,
        app: Any,
        backend: Any,
        open_backend: BackendOpener,
        sent: Sent,
        in_threads: Callable[..., Future[Any]],
    ) -> None:
        if not self.counts_chords:
            pytest.skip("a task looks for the parts")
        requests, _ = self.chord(app, backend, 24)

        def end(request: Any) -> None:
            open_backend().mark_as_done(request.id, request.group_index, request=request)

        for future in [in_threads(end, request) for request in requests]:
            future.result(PATIENCE)
        assert [(name, list(args[0])) for name, args in sent] == [(BODY, list(range(24)))]

    def test_failed_part_fails_the_body(self, app: Any, backend: Any, sent: Sent) -> None:
        if not self.counts_chords:
            pytest.skip("a task looks for the parts")
        requests, body_id = self.chord(app, backend, 2)
        backend.mark_as_failure(requests[0].id, KeyError("k"), request=requests[0])
        backend.mark_as_done(requests[1].id, 1, request=requests[1])
        assert sent == []
        body = app.AsyncResult(body_id)
        assert body.state == FAILURE
        with pytest.raises(ChordError, match="KeyError"):
            body.get(timeout=PATIENCE)

    def test_revoked_part_fails_the_body(self, app: Any, backend: Any, sent: Sent) -> None:
        if not self.counts_chords:
            pytest.skip("a task looks for the parts")
        requests, body_id = self.chord(app, backend, 1)
        backend.mark_as_revoked(requests[0].id, "revoked", request=requests[0])
        assert sent == []
        assert app.AsyncResult(body_id).state == FAILURE

    def test_a_task_looks_for_the_parts(self, app: Any, backend: Any, sent: Sent) -> None:
        if self.counts_chords:
            pytest.skip("the store counts the parts")
        requests, _ = self.chord(app, backend, 2)
        assert [name for name, _ in sent] == ["celery.chord_unlock"]
        for request in requests:
            backend.mark_as_done(request.id, 1, request=request)
        assert len(sent) == 1
