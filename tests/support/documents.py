"""The fenced blocks of a page of documentation, and what they mean.

* ```` ```python ```` whose first line is ``# name.py`` is that file, or, when there was such a
  block before, more of it.
* ```` ```python ```` that begins with ``>>>`` is a session: what it prints is compared.
* Any other ```` ```python ```` is run.
* ```` ```console ```` has command lines; where some begin with ``$``, the others are output.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (?P<name>[\w/]+\.py)\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is that of its first line in the page."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the block is (a part of)."""
        match = _FILE.match(self.text)
        return match["name"] if match and self.language == "python" else None

    @property
    def is_session(self) -> bool:
        """Whether it shows what is typed and what is printed."""
        return self.text.startswith(">>> ")

    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command line, without comment, with the output that is shown for it."""
        lines = self.text.splitlines()
        prompted = any(line.startswith("$ ") for line in lines)
        command, output = "", ""
        for line in lines:
            if prompted and not line.startswith("$ "):
                output += line + "\n"
                continue
            if command:
                yield command, output
            command, output = re.split(r"\s+# ", line.removeprefix("$ "))[0], ""
        if command:
            yield command, output


def pages() -> list[Path]:
    """The pages whose blocks are tested."""
    return [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in a language, in order."""
    text = page.read_text(encoding="utf-8")
    found = _FENCE.finditer(text)
    return [
        Block(match["language"], match["text"], text.count("\n", 0, match.start()) + 2)
        for match in found
        if match["language"] == language
    ]


def write_files(page: Path, directory: Path) -> list[Path]:
    """Write the files that a page shows into a directory; their paths."""
    written: list[Path] = []
    for block in blocks(page, "python"):
        if block.file is not None:
            path = directory / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if path in written else "w", encoding="utf-8") as file:
                file.write(block.text)
            if path not in written:
                written.append(path)
    return written


def celery_words(command: str) -> list[str] | None:
    """The words after ``celery`` of a command line; None if it runs something else.

    What the shell does with it (variables set, output sent elsewhere) is left out.
    """
    words = shlex.split(re.split(r"[|>&]", command)[0])
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if not words or Path(words[0]).name != "celery":
        return None
    return words[1:]
