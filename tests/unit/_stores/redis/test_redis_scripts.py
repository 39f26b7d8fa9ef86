"""Scripts are called by their hashes."""

from __future__ import annotations

from importlib.resources import files

import pytest

from celery._stores.redis.scripts import as_eval, load


def test_a_script_is_called_by_its_hash_and_known_by_it() -> None:
    script = load("park")
    command = script(["k1", "k2"], "a", 1)
    assert command == ("EVALSHA", script.sha, 2, "k1", "k2", "a", 1)
    assert as_eval(command) == ("EVAL", script.text, 2, "k1", "k2", "a", 1)
    assert load("park") is script


@pytest.mark.parametrize(
    "name",
    [f.name for f in files("celery._stores.redis").iterdir() if f.name.endswith(".lua")],
)
def test_every_script_says_what_it_takes(name: str) -> None:
    text = load(name.removesuffix(".lua")).text
    assert text.startswith("-- ")
    assert "KEYS" in text.split("\nlocal", 1)[0]
