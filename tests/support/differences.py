"""Two large JSON values compared so that the difference can be read."""

from __future__ import annotations

import difflib
import json
from typing import Any


def assert_same(ours: Any, theirs: Any) -> None:
    """Fail with the lines that differ and what surrounds them."""
    __tracebackhide__ = True
    if ours != theirs:
        before, after = (
            json.dumps(value, indent=1, sort_keys=True, default=repr).splitlines()
            for value in (theirs, ours)
        )
        lines = difflib.unified_diff(before, after, "theirs", "ours", n=2, lineterm="")
        raise AssertionError("\n".join(["They differ:", *lines]))
