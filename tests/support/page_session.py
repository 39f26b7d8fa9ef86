"""Runs the python blocks of a page, in order and in one namespace: ``page_session.py PAGE``."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path
from typing import Any

from tests.support.documents import blocks

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def run(page: Path) -> int:
    """Run them; how many examples failed (an exception outside of a session ends it all)."""
    names: dict[str, Any] = {"__name__": page.stem.replace("-", "_")}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    for block in blocks(page, "python"):
        if block.file is not None:
            continue
        if block.is_session:
            test = parser.get_doctest(block.text, names, page.name, str(page), block.line - 1)
            runner.run(test, clear_globs=False)
            names = test.globs
        else:
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, str(page), "exec"), names)
    return runner.summarize(verbose=False).failed


if __name__ == "__main__":
    sys.exit(1 if run(Path(sys.argv[1])) else 0)
