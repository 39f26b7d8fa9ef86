from __future__ import annotations

from typing import Any

import click
import pytest

from celery.bin.base import CLIContext


@pytest.fixture
def plain() -> CLIContext:
    return CLIContext(app=None, no_color=True)


@pytest.mark.parametrize(
    ("value", "verdict", "text"),
    [
        ([], "OK", "- empty -"),
        (["a", "b"], "OK", "* a\n* b"),
        ({"b": 1, "a": [2]}, "OK", '{\n    "a": [\n        2\n    ],\n    "b": 1\n}\n'),
        ({"ok": "pong"}, "OK", "    pong"),
        ({"ok": ["a", "b"]}, "OK", "    * a\n    * b"),
        ({"error": "no such task"}, "ERROR", "    no such task"),
        ("text", "OK", "text"),
        (3, "OK", "3"),
    ],
)
def test_values_for_people(plain: CLIContext, value: Any, verdict: str, text: str) -> None:
    assert plain.pretty(value) == (verdict, text)


def test_colours_unless_switched_off() -> None:
    assert click.unstyle(CLIContext(app=None).OK) == "OK" != CLIContext(app=None).OK
    assert CLIContext(app=None, no_color=True).style("x", fg="red") == "x"


def test_conversation(plain: CLIContext, capsys: pytest.CaptureFixture[str]) -> None:
    plain.say_chat("->", "w1: OK", "body", show_body=True)
    plain.say_chat("<-", "ping", "body")
    assert capsys.readouterr().out == "->  w1: OK\nbody\n<-  ping\n"


def test_a_quiet_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = CLIContext(app=None, no_color=True, quiet=True)
    quiet.say_chat("->", "w1: OK")
    quiet.say_chat("<-", "ping")
    assert capsys.readouterr().out == " w1: OK\n"


def test_errors_go_to_standard_error(plain: CLIContext, capsys: pytest.CaptureFixture[str]) -> None:
    plain.error("oh")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "oh\n")
