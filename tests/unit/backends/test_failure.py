"""What follows from a failure: the rest of the chain, error callbacks, chords."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.support.result_apps import CountingBackend, DictBackend

from celery._message.context import Context
from celery.app.base import Celery
from celery.canvas import chain, chord, group
from celery.exceptions import ChordError
from celery.states import FAILURE, PENDING, SUCCESS

BOOM = ValueError("boom")


@pytest.fixture
def backend(app: Celery) -> CountingBackend:
    return CountingBackend(app)


@pytest.fixture
def add(app: Celery) -> Any:
    @app.task(name="add", shared=False)
    def add(x: int, y: int) -> int:
        return x + y

    return add


def failed(task_id: str = "failed", **fields: Any) -> Context:
    return Context({"id": task_id, "root_id": "root", "delivery_info": {}, **fields})


def states(app: Celery, *task_ids: str) -> list[str]:
    return [app.AsyncResult(task_id).state for task_id in task_ids]


class TestChain:
    def test_later_steps_fail_with_the_same_exception(
        self, app: Celery, backend: CountingBackend, add: Any
    ) -> None:
        steps = [dict(add.s(1).set(task_id=task_id)) for task_id in ("third", "second")]
        backend.mark_as_failure("failed", BOOM, traceback="tb", request=failed(chain=steps))
        for task_id in ("failed", "second", "third"):
            result = app.AsyncResult(task_id)
            assert (result.state, result.traceback) == (FAILURE, "tb")
            assert repr(result.result) == repr(BOOM)

    def test_whoever_may_be_waited_for_fails(
        self, app: Celery, backend: CountingBackend, add: Any
    ) -> None:
        steps = [
            chord([add.s(1).set(task_id="header")], add.s(1).set(task_id="body"), app=app),
            group(add.s(1).set(task_id="m1"), add.s(1).set(task_id="m2")).set(task_id="group"),
            chain(add.s(1).set(task_id="c1"), add.s(2).set(task_id="c2")),
        ]
        request = failed(chain=[dict(step) for step in steps])
        backend.mark_as_failure("failed", BOOM, request=request)
        assert set(states(app, "body", "m1", "m2", "group", "c1", "c2")) == {FAILURE}
        assert states(app, "header") == [PENDING]

    def test_chord_of_a_later_step_is_told(
        self, app: Celery, backend: CountingBackend, add: Any
    ) -> None:
        body = add.s(1).set(task_id="body")
        backend.apply_chord(("gid", [app.AsyncResult("last")]), body)
        last = add.s(1).set(task_id="last", group_id="gid", chord=dict(body))
        backend.mark_as_failure("failed", BOOM, request=failed(chain=[dict(last)]))
        assert states(app, "last", "body") == [FAILURE, FAILURE]

    def test_nothing_is_stored_if_nothing_is_to_be(
        self, backend: CountingBackend, add: Any
    ) -> None:
        request = failed(chain=[dict(add.s(1).set(task_id="next"))])
        backend.mark_as_failure("failed", BOOM, request=request, store_result=False)
        assert backend.writes == []


class TestErrbacks:
    @pytest.fixture
    def calls(self) -> list[Any]:
        return []

    @pytest.fixture
    def errbacks(self, app: Celery, calls: list[Any]) -> dict[str, Any]:
        @app.task(name="new", shared=False)
        def new(request: Any, exc: Any, traceback: Any) -> None:
            calls.append((request.id, repr(exc), traceback))

        @app.task(name="many", shared=False)
        def many(*args: Any) -> None:
            calls.append(len(args))

        @app.task(name="old", shared=False)
        def old(task_id: str) -> None: ...

        @app.task(name="bound", shared=False, bind=True)
        def bound(self: Any, task_id: str) -> None: ...

        @app.task(name="broken", shared=False)
        def broken(request: Any, exc: Any, traceback: Any) -> None:
            raise RuntimeError("in the callback")

        unknown = app.signature("unknown", args=())
        return {t.name: t.s() for t in (new, many, old, bound, broken)} | {"unknown": unknown}

    def fail(self, backend: DictBackend, *errbacks: Any) -> None:
        backend.mark_as_failure(
            "failed", BOOM, traceback="tb", request=failed(errbacks=list(errbacks))
        )

    def test_called_here_if_it_takes_the_exception(
        self, backend: DictBackend, errbacks: Any, calls: Any, sent: Any
    ) -> None:
        self.fail(backend, errbacks["new"], dict(errbacks["new"]), errbacks["many"])
        assert calls == [("failed", repr(BOOM), "tb")] * 2 + [3]
        assert sent == []

    @pytest.mark.parametrize("name", ["old", "bound", "unknown"])
    def test_sent_with_the_id_otherwise(
        self, backend: DictBackend, errbacks: Any, calls: Any, sent: Any, name: str
    ) -> None:
        self.fail(backend, errbacks[name])
        assert calls == []
        [(task, args, headers)] = sent
        assert (task, args) == (name, ("failed",))
        assert (headers["parent_id"], headers["root_id"]) == ("failed", "root")

    def test_arguments_of_its_own_take_room(
        self, backend: DictBackend, errbacks: Any, calls: Any, sent: Any
    ) -> None:
        self.fail(backend, errbacks["new"].clone(args=(1, 2)))
        assert calls == []
        assert [args for _, args, _ in sent] == [("failed", 1, 2)]

    def test_immutable_gets_nothing_but_its_own(
        self, backend: DictBackend, errbacks: Any, calls: Any, sent: Any
    ) -> None:
        self.fail(
            backend,
            errbacks["many"].clone(args=(1,)).set(immutable=True),
            errbacks["old"].clone(args=("mine",)).set(immutable=True),
        )
        assert calls == [1]
        assert [args for _, args, _ in sent] == [("mine",)]

    def test_its_error_is_logged(
        self,
        backend: DictBackend,
        errbacks: Any,
        calls: Any,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with caplog.at_level(logging.ERROR, "celery.backends.base"):
            self.fail(backend, errbacks["broken"], errbacks["new"])
        assert len(calls) == 1
        assert "Errback 'broken' raised an exception" in caplog.messages

    def test_not_called_if_not_wanted(
        self, backend: DictBackend, errbacks: Any, calls: Any
    ) -> None:
        request = failed(errbacks=[errbacks["new"]])
        backend.mark_as_failure("failed", BOOM, request=request, call_errbacks=False)
        assert calls == []


class TestChord:
    def begin(self, app: Celery, backend: DictBackend, body: Any, size: int = 2) -> list[Context]:
        backend.apply_chord(("gid", [app.AsyncResult(f"p{n}") for n in range(size)]), body)
        return [failed(f"p{n}", group="gid", chord=dict(body)) for n in range(size)]

    def test_errbacks_of_the_body_are_called(
        self, app: Celery, backend: CountingBackend, add: Any
    ) -> None:
        called: list[Any] = []

        @app.task(name="errback", shared=False)
        def errback(request: Any, exc: Any, traceback: Any) -> None:
            called.append((request.id, request.task, str(exc), repr(exc.__cause__)))

        body = add.s(1).set(task_id="body").on_error(errback.s())
        first, second = self.begin(app, backend, body)
        backend.mark_as_failure("p0", BOOM, request=first)
        assert called == []
        backend.mark_as_done("p1", 1, request=second)
        message = f"Dependency p0 raised {BOOM!r}"
        assert called == [("body", "add", message, repr(BOOM))]
        result = app.AsyncResult("body")
        with pytest.raises(ChordError, match="Dependency p0 raised"):
            result.get(timeout=1)
        assert "ChordError: Dependency p0" in result.traceback

    def test_body_that_cannot_be_sent_fails(
        self, app: Celery, backend: CountingBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @app.task(name="body", shared=False)
        def body(values: Any) -> None: ...

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise OSError("no broker")

        requests = self.begin(app, backend, body.s().set(task_id="body"), size=1)
        monkeypatch.setattr(type(app.tasks["body"]), "apply_async", refuse)
        backend.mark_as_done("p0", 1, request=requests[0])
        with pytest.raises(ChordError, match="Callback error: OSError"):
            app.AsyncResult("body").get(timeout=1)

    def test_part_that_is_run_again_changes_nothing(
        self, app: Celery, backend: CountingBackend, add: Any, sent: Any
    ) -> None:
        requests = self.begin(app, backend, add.s(1).set(task_id="body"), size=1)
        for _ in range(3):
            backend.mark_as_done("p0", 1, request=requests[0])
        assert len(sent) == 1
        assert states(app, "body") == [PENDING]

    def test_header_that_is_gone_fails_the_body(
        self, app: Celery, backend: CountingBackend, add: Any
    ) -> None:
        requests = self.begin(app, backend, add.s(1).set(task_id="body"), size=1)
        backend.delete_group("gid")
        backend.mark_as_done("p0", 1, request=requests[0])
        with pytest.raises(ChordError, match="no longer exists"):
            app.AsyncResult("body").get(timeout=1)

    def test_size_the_canvas_has_counted_is_used(
        self, app: Celery, backend: CountingBackend, add: Any, sent: Any
    ) -> None:
        requests = self.begin(app, backend, add.s(1).set(task_id="body"), size=2)
        for request in requests:
            request.chord["chord_size"] = 3
            backend.mark_as_done(request.id, 1, request=request)
        assert sent == []
        backend.mark_as_done("p2", 1, request=failed("p2", group="gid", chord=requests[0].chord))
        assert len(sent) == 1

    def test_group_as_body(self, app: Celery, backend: CountingBackend, add: Any) -> None:
        called: list[str] = []

        @app.task(name="errback", shared=False)
        def errback(request: Any, exc: Any, traceback: Any) -> None:
            called.append(request.id)

        body = group(add.s(1).set(task_id="m1"), add.s(2).set(task_id="m2"), app=app)
        body.options["task_id"] = "group"
        body.link_error(errback.s())
        try:
            raise ChordError("Dependency p raised") from BOOM
        except ChordError as exc:
            assert backend.chord_error_from_stack(body, exc) is None
        assert called == ["m1", "m2"]
        for task_id in ("m1", "m2", "group"):
            assert repr(app.AsyncResult(task_id).result) == repr(BOOM)

    def test_chain_as_body(self, app: Celery, backend: CountingBackend, add: Any) -> None:
        body = chain(add.s(1).set(task_id="c1"), add.s(2).set(task_id="c2"), app=app)
        backend.chord_error_from_stack(body, ChordError("never raised"))
        assert states(app, "c1", "c2") == [FAILURE, FAILURE]

    def test_polled(self, app: Celery, add: Any, sent: Any) -> None:
        backend = DictBackend(app)
        body = add.s(1).set(task_id="body", queue="some queue", priority=3)
        self.begin(app, backend, body)
        [(task, args, _)] = sent
        assert (task, args[0]) == ("celery.chord_unlock", "gid")
        assert backend.values == {}

    def test_polled_store_counts_nothing(self, app: Celery, add: Any) -> None:
        backend = DictBackend(app)
        request = failed("p0", group="gid", chord=dict(add.s(1).set(task_id="body")))
        backend.mark_as_done("p0", 1, request=request)
        assert states(app, "p0", "body") == [SUCCESS, PENDING]


def test_fail_from_current_stack(app: Celery, backend: CountingBackend) -> None:
    try:
        raise KeyError("k")
    except KeyError:
        info = backend.fail_from_current_stack("id")
    assert "KeyError: 'k'" in info.traceback
    assert app.AsyncResult("id").traceback == info.traceback
    with pytest.raises(RuntimeError, match="none is being handled"):
        backend.fail_from_current_stack("id")
