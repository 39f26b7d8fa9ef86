"""``call``, ``result``, ``purge``, ``list bindings``, ``report``: real commands, memory broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from celery.app.base import Celery


def waiting(app: Celery, queue: str = "celery") -> int:
    return app.broker_for_write().length(queue)


def test_call_sends_the_task(run: Any, app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    send = app.send_task

    def send_task(name: str, **options: Any) -> Any:
        sent.append((name, options))
        return send(name, **options)

    monkeypatch.setattr(app, "send_task", send_task)
    result = run(
        *("call", "shop.add", "-a", "[1, 2]", "-k", '{"z": 3}', "--eta", "2030-01-01T00:00:00Z"),
        *("--expires", "60", "--queue", "fast"),
    )
    [(name, options)] = sent
    assert name == "shop.add"
    assert {key: value for key, value in options.items() if value is not None} == {
        "args": [1, 2],
        "kwargs": {"z": 3},
        "eta": datetime(2030, 1, 1, tzinfo=UTC),
        "expires": 60.0,
        "serializer": "json",
        "queue": "fast",
    }
    assert waiting(app, "fast") == 1
    assert len(result.output.strip()) == 36  # the id


def test_call_refuses_what_is_no_json(run: Any, app: Celery) -> None:
    result = run("call", "shop.add", "-a", "[1")
    assert result.exit_code == 2
    assert "'-a' / '--args'" in result.output
    assert waiting(app) == 0


class TestResult:
    def test_success(self, run: Any, app: Celery) -> None:
        app.backend.mark_as_done("t-ok", {"a": [1]})
        assert run("result", "t-ok").output == "{'a': [1]}\n"
        assert run("result", "-t", "shop.add", "t-ok").output == "{'a': [1]}\n"
        assert run("result", "--traceback", "t-ok").output == "\n"

    def test_failure(self, run: Any, app: Celery) -> None:
        app.backend.mark_as_failure("t-bad", KeyError("x"), traceback="Traceback: here")
        result = run("result", "t-bad")
        assert result.exit_code == 1
        assert "The task has failed with KeyError: 'x'" in result.output
        assert run("result", "--traceback", "t-bad").output == "Traceback: here\n"

    def test_unknown_task(self, run: Any) -> None:
        result = run("result", "-t", "nope", "t")
        assert result.exit_code == 2
        assert "shop.add" in result.output


class TestPurge:
    @pytest.fixture(autouse=True)
    def _two_queues(self, app: Celery) -> None:
        app.conf.task_queues = {"one": {}, "two": {}}
        for queue in ("one", "one", "two"):
            app.send_task("shop.add", (1, 2), queue=queue)

    def test_all(self, run: Any, app: Celery) -> None:
        assert run("purge", "-f").output == "Purged 3 messages from 2 known task queues.\n"
        assert run("purge", "-f").output == "No messages purged from 2 queues.\n"

    def test_some(self, run: Any, app: Celery) -> None:
        assert run("purge", "-f", "-Q", "two").output.startswith("Purged 1 message from 1 known")
        assert waiting(app, "one") == 2
        run("purge", "-f", "-X", "one")
        assert waiting(app, "one") == 2

    def test_none(self, run: Any) -> None:
        assert run("purge", "-f", "-X", "one,two").output == "No queues to purge.\n"

    @pytest.mark.parametrize(("answer", "left", "code"), [("n\n", 2, 1), ("", 2, 1), ("y\n", 0, 0)])
    def test_asks_first(self, run: Any, app: Celery, answer: str, left: int, code: int) -> None:
        result = run("purge", input=answer)
        assert "one, two" in result.output
        assert result.exit_code == code
        assert waiting(app, "one") == left


def test_bindings(run: Any, app: Celery) -> None:
    app.conf.task_queues = {"mail": {"exchange": "post", "routing_key": "post.mail"}}
    lines = run("list", "bindings").output.splitlines()
    assert [line.split() for line in lines] == [
        ["Queue", "Exchange", "Routing", "Key"],
        ["-" * 16] * 3,
        ["mail", "post", "post.mail"],
    ]


def test_report(run: Any) -> None:
    text = run("report").output
    assert "software -> celery:" in text
    assert "transport:memory" in text


class TestRemoteControl:
    def test_nobody_answers(self, run: Any) -> None:
        for command in (("status",), ("inspect", "ping"), ("control", "heartbeat")):
            result = run(*command, "-t", "0.01")
            assert result.exit_code == 69
            assert result.output == "Error: No nodes replied within time constraint\n"

    @pytest.mark.parametrize("kind", ["inspect", "control"])
    def test_unknown_command(self, run: Any, kind: str) -> None:
        result = run(kind, "nope")
        assert result.exit_code == 2
        assert f"Command nope not recognized. Available {kind} commands: " in result.output

    def test_list(self, run: Any) -> None:
        assert "\n  ping  " in run("inspect", "--list").output
        control = run("control", "--list").output
        assert control.startswith("Control Commands:\n")
        assert "\n  rate_limit <task_name> <rate_limit" in control

    def test_words_become_arguments(
        self, run: Any, app: Celery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[Any] = []

        def broadcast(command: str, **options: Any) -> Any:
            sent.append((command, options["arguments"], options["destination"]))
            return [{"w1@box": {"ok": "done"}}]

        monkeypatch.setattr(app.control, "broadcast", broadcast)
        result = run("control", "-d", "w1@box,w2@box", "-j", "time_limit", "shop.add", "1.5", "2")
        run("inspect", "query_task", "a", "b")
        run("control", "terminate", "KILL", "a", "b")
        assert sent == [
            (
                "time_limit",
                {"task_name": "shop.add", "soft": 1.5, "hard": 2.0},
                ["w1@box", "w2@box"],
            ),
            ("query_task", {"ids": ["a", "b"]}, None),
            ("terminate", {"signal": "KILL", "task_id": ["a", "b"]}, None),
        ]
        assert json.loads(result.output) == [{"w1@box": {"ok": "done"}}]

    def test_words_that_do_not_fit(self, run: Any) -> None:
        wrong = run("control", "pool_grow", "many")
        assert (wrong.exit_code, "Invalid value for n" in wrong.output) == (2, True)
        many = run("inspect", "stats", "all")
        assert (many.exit_code, "Too many arguments: all" in many.output) == (2, True)
