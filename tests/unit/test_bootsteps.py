"""Steps are started in order, stopped in reverse, and never forgotten half-way."""

import io
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from celery import bootsteps
from celery.bootsteps import Blueprint, ConsumerStep, StartStopStep, Step


class Parent:
    """What a blueprint belongs to; its steps write down what happens to them."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.log: list[str] = []
        self.blueprint: Blueprint

    def told(self) -> list[str]:
        told, self.log = self.log, []
        return told


class Told(StartStopStep):
    def start(self, parent: Parent) -> None:
        parent.log.append(f"start {self.alias}")

    def stop(self, parent: Parent) -> None:
        parent.log.append(f"stop {self.alias}")

    def close(self, parent: Parent) -> None:
        parent.log.append(f"close {self.alias}")

    def terminate(self, parent: Parent) -> None:
        parent.log.append(f"terminate {self.alias}")


class First(Told):
    name = "first"


class Second(Told):
    requires = (First,)
    label = "second"


class Third(Told):
    requires = (f"{__name__}:Second",)

    def info(self, obj: Any) -> dict[str, Any]:
        return {"third": 3}


class Final(Told):
    last = True


def applied(*steps: Any, **options: Any) -> tuple[Parent, Blueprint]:
    parent = Parent()
    hooks = {
        hook: lambda hook=hook: parent.log.append(hook)
        for hook in ("on_start", "on_close", "on_stopped")
    }
    blueprint = Blueprint(steps, name="test", **hooks)
    parent.blueprint = blueprint
    blueprint.apply(parent, **options)
    return parent, blueprint


class TestApply:
    def test_order_follows_what_is_required(self) -> None:
        _, blueprint = applied(Final, Third, Second, First)
        assert [step.alias for step in blueprint.order] == ["first", "second", "Third", "Final"]
        assert blueprint["first"] is blueprint.order[0]
        assert blueprint.info(applied(Third)[0]) == {"third": 3}

    def test_what_is_required_comes_along(self) -> None:
        _, blueprint = applied(Third)
        assert [step.alias for step in blueprint.order] == ["first", "second", "Third"]

    def test_steps_by_name_and_of_the_class(self) -> None:
        class Own(Blueprint):
            name = "own"
            default_steps = frozenset({f"{__name__}:First"})

        parent = Parent()
        assert Own().apply(parent) is not None
        assert [type(step) for step in parent.steps] == [First]
        assert Own().alias == "own"

    def test_options_and_conditions(self) -> None:
        class Optional(StartStopStep):
            conditional = True

            def __init__(self, parent: Any, wanted: bool = False, **kwargs: Any) -> None:
                self.enabled = wanted

        class Creating(Step):
            def create(self, parent: Any) -> None:
                parent.created = True

        parent, blueprint = applied(Optional, Creating)
        assert parent.steps == []
        assert parent.created  # type: ignore[attr-defined]
        assert len(blueprint.order) == 2
        assert len(applied(Optional, wanted=True)[0].steps) == 1

    def test_names(self) -> None:
        assert First.name == "first"
        assert Second.name == f"{__name__}.Second"
        parent = Parent()
        assert (First(parent).alias, Second(parent).alias, Third(parent).alias) == (
            "first", "second", "Third",
        )  # fmt: skip
        assert str(First) == "first"
        assert repr(First(parent)) == "<step: first>"
        with pytest.raises(KeyError):
            applied(First)[1]["zz"]


class TestLife:
    def test_start_and_stop(self) -> None:
        parent, blueprint = applied(Third)
        assert (blueprint.state, blueprint.human_state()) == (None, "initializing")

        blueprint.start(parent)
        assert parent.told() == ["on_start", "start first", "start second", "start Third"]
        assert (blueprint.state, blueprint.started) == (bootsteps.RUN, 3)
        assert blueprint.human_state() == "running"

        blueprint.stop(parent)
        assert parent.told() == [
            "on_close", "close first", "close second", "close Third",
            "stop Third", "stop second", "stop first", "on_stopped",
        ]  # fmt: skip
        assert blueprint.state == bootsteps.TERMINATE
        blueprint.join(timeout=0)

        blueprint.stop(parent)
        assert parent.told() == []

    def test_terminate(self) -> None:
        parent, blueprint = applied(Second)
        blueprint.start(parent)
        parent.told()
        blueprint.stop(parent, close=False, terminate=True)
        assert parent.told() == ["terminate second", "terminate first", "on_stopped"]

    def test_restart(self) -> None:
        parent, blueprint = applied(Second)
        blueprint.start(parent)
        parent.told()
        blueprint.restart(parent)
        assert parent.told() == ["stop second", "stop first"]
        assert blueprint.state == bootsteps.RUN
        blueprint.start(parent)
        assert parent.told() == ["on_start", "start first", "start second"]

    def test_stopped_before_it_was_started(self) -> None:
        parent, blueprint = applied(Second)
        blueprint.stop(parent)
        assert parent.told() == []
        assert blueprint.state == bootsteps.TERMINATE
        assert blueprint.shutdown_complete.is_set()

    def test_a_failed_start_is_undone(self) -> None:
        class Failing(Told):
            requires = (First,)

            def start(self, parent: Parent) -> None:
                raise ValueError("cannot start")

        class Never(Told):
            requires = (Failing,)

        parent, blueprint = applied(Never)
        with pytest.raises(ValueError, match="cannot start"):
            blueprint.start(parent)
        parent.told()
        blueprint.stop(parent)
        assert parent.told() == [
            "on_close", "close first", "close Failing", "stop Failing", "stop first", "on_stopped",
        ]  # fmt: skip

    def test_stopped_while_starting(self) -> None:
        class Stopping(Told):
            requires = (First,)

            def start(self, parent: Parent) -> None:
                parent.blueprint.stop(parent)

        class Never(Told):
            requires = (Stopping,)

        parent, blueprint = applied(Never)
        blueprint.start(parent)
        assert "start Never" not in parent.log
        assert parent.log[-3:] == ["stop Stopping", "stop first", "on_stopped"]
        assert blueprint.state == bootsteps.TERMINATE

    def test_stopped_by_another_thread(self) -> None:
        running, stopping = threading.Event(), threading.Event()

        class Blocking(Told):
            requires = (First,)

            def start(self, parent: Parent) -> None:
                running.set()
                stopping.wait(5)

            def stop(self, parent: Parent) -> None:
                stopping.set()

        parent, blueprint = applied(Blocking)
        thread = threading.Thread(target=blueprint.start, args=(parent,))
        thread.start()
        assert running.wait(5)
        blueprint.stop(parent)
        thread.join(5)
        assert not thread.is_alive()
        assert parent.log[-2:] == ["stop first", "on_stopped"]

    def test_an_error_while_stopping_stops_nothing_else(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken(Told):
            requires = (First,)

            def close(self, parent: Parent) -> None:
                raise ValueError("in close")

            def stop(self, parent: Parent) -> None:
                raise ValueError("in stop")

        parent, blueprint = applied(Broken)
        blueprint.start(parent)
        blueprint.stop(parent)
        assert parent.log[-2:] == ["stop first", "on_stopped"]
        assert "Error on stopping Broken: ValueError('in stop')" in caplog.text
        with pytest.raises(ValueError, match="in stop"):
            blueprint.send_all(parent, "stop")

    def test_send_all(self) -> None:
        class Listening(Told):
            requires = (First,)

            def on_event(self, parent: Parent, what: str) -> None:
                parent.log.append(f"heard {what}")

        parent, blueprint = applied(Listening)
        blueprint.send_all(parent, "on_event", args=("news",))
        assert parent.told() == ["heard news"]
        blueprint.send_all(parent, "close", reverse=False)
        assert parent.told() == ["close first", "close Listening"]

    @pytest.mark.parametrize(
        ("with_terminate", "terminate", "expected"),
        [(True, True, "terminated"), (False, True, "stopped"), (True, False, "stopped")],
    )
    def test_a_step_stands_for_what_it_creates(
        self, with_terminate: bool, terminate: bool, expected: str
    ) -> None:
        said: list[str] = []

        def saying(what: str) -> Callable[[], None]:
            return lambda: said.append(what)

        part = SimpleNamespace(start=saying("started"), stop=saying("stopped"))
        if with_terminate:
            part.terminate = saying("terminated")

        class Making(StartStopStep):
            def create(self, parent: Any) -> Any:
                return part

        parent, blueprint = applied(Making)
        blueprint.start(parent)
        blueprint.stop(parent, terminate=terminate)
        assert said == ["started", expected]


class TestConsumerStep:
    def test_life(self) -> None:
        log: list[str] = []

        def connection_error() -> None:
            raise ConnectionResetError

        channel = SimpleNamespace(close=lambda: log.append("channel closed"))
        connection = SimpleNamespace(
            channel=lambda: channel, connection_errors=(OSError,), channel_errors=()
        )
        consumers = [
            SimpleNamespace(
                channel=channel, consume=lambda: log.append("consume"), cancel=connection_error
            ),
            SimpleNamespace(
                channel=channel,
                consume=lambda: log.append("consume"),
                cancel=lambda: log.append("cancel"),
            ),
        ]

        class Receiving(ConsumerStep):
            def get_consumers(self, channel: Any) -> Any:
                return consumers

        c = SimpleNamespace(connection=connection)
        step = Receiving(c)
        step.start(c)
        assert log == ["consume", "consume"]
        step.stop(c)
        step.stop(c)
        assert log[2:] == ["cancel", "channel closed"]

        step.start(c)
        step.shutdown(c)
        assert log[4:] == ["consume", "consume", "channel closed"]

    def test_must_be_overridden(self) -> None:
        with pytest.raises(NotImplementedError, match="get_consumers"):
            ConsumerStep(None).get_consumers(None)
        assert ConsumerStep.requires == ("celery.worker.consumer:Connection",)


def test_graph() -> None:
    class Optional(Told):
        conditional = True
        requires = (First,)

    _, blueprint = applied(Final, Optional)
    _, other = applied(Second)
    blueprint.connect_with(other)
    drawn = io.StringIO()
    blueprint.graph.to_dot(drawn)
    for line in ('"⧉Final" -> "first"', '"⧉Final" -> "∘Optional"', '"∘Optional" -> "first"'):
        assert line in drawn.getvalue()
    assert '"second" -> "first"' in drawn.getvalue()
