"""The documentation, as far as no worker is needed to check it: links, command lines, lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from tests.support.documents import DOCS, ROOT, blocks, celery_words, pages

from celery.app.backends import BACKEND_ALIASES
from celery.bin.celery import COMMANDS, celery

#: The commands of Celery 5.7.
UPSTREAM_COMMANDS = frozenset(
    [
        "amqp",
        "beat",
        "call",
        "control",
        "events",
        "graph",
        "inspect",
        "list",
        "logtool",
        "migrate",
        "multi",
        "purge",
        "report",
        "result",
        "shell",
        "status",
        "upgrade",
        "worker",
    ]
)


def _name(page: Path) -> str:
    return page.stem


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*pages(), ROOT / "ARCHITECTURE.md"], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files of the project, and headings they have."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, headings), target


def test_every_page_is_on_the_map() -> None:
    """`index.md` leads to each page."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in text


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    for page in pages():
        for block in blocks(page, "console"):
            for line, _ in block.commands():
                words = celery_words(line)
                if words is not None:
                    yield f"{page.stem}: {line}", words


LINES = dict(_command_lines())


@pytest.mark.parametrize("line", LINES)
def test_command_lines_have_what_they_use(line: str) -> None:
    """Each command exists, and has each option that is given to it."""
    command: click.Command = celery
    context = click.Context(celery, info_name="celery")
    words = iter(LINES[line])
    for word in words:
        if word.startswith("-"):
            if _takes_value(command, context, word):
                next(words)
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            assert found is not None, f"no command {word!r}"
            command, context = found, click.Context(found, parent=context, info_name=word)


def _takes_value(command: click.Command, context: click.Context, word: str) -> bool:
    """Whether the option's value is the next word.

    Raises:
        AssertionError: the command has no such option.
    """
    name, equals, _ = word.partition("=")
    for option in command.get_params(context):
        if isinstance(option, click.Option):
            names = [*option.opts, *option.secondary_opts]
            if name in names:
                return not (option.is_flag or option.count or equals)
            if word[:2] in names and not word.startswith("--"):
                return False  # its value is the rest of the word
    raise AssertionError(f"{command.name} has no option {word!r}")


def _missing(what: str) -> set[str]:
    """The names that `compatibility.md` lists as not there yet."""
    text = (DOCS / "compatibility.md").read_text(encoding="utf-8")
    match = re.search(rf"^\* {what}: (.*?)\. ?", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([\w-]+)`", match[1])) if match else set()


def test_missing_commands_are_listed() -> None:
    """When a command comes, it leaves the list."""
    assert _missing("Commands") == UPSTREAM_COMMANDS - COMMANDS.keys()


def test_missing_stores_are_listed() -> None:
    """When a result store comes, it leaves the list."""
    absent = {
        name
        for name, path in BACKEND_ALIASES.items()
        if find_spec(path.partition(":")[0]) is None and name != "riak"
    }
    assert _missing("Result stores") == absent
