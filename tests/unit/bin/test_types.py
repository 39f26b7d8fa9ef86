from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import click
import pytest

from celery.bin import base
from celery.bin._types import SWITCH, UMASK
from celery.bin.worker import AUTOSCALE, CONCURRENCY, HOSTNAME
from celery.utils.nodenames import gethostname


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (base.COMMA_SEPARATED_LIST, "a, b,,c", ["a", "b", "c"]),
        (base.COMMA_SEPARATED_LIST, "", []),
        (base.JSON_ARRAY, "[1, [2]]", [1, [2]]),
        (base.JSON_OBJECT, '{"a": 1}', {"a": 1}),
        (base.ISO8601, "2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        (base.ISO8601_OR_FLOAT, "2.5", 2.5),
        (base.ISO8601_OR_FLOAT, "2030-01-31", datetime(2030, 1, 31)),
        (base.LOG_LEVEL, "info", logging.INFO),
        (base.LOG_LEVEL, "FATAL", logging.CRITICAL),
        (base.LOG_LEVEL, 10, 10),
        (SWITCH, "yes please", True),
        (SWITCH, "off", False),
        (UMASK, "022", 0o022),
        (UMASK, "18", 0o022),
        (AUTOSCALE, "3,10", (10, 3)),
        (AUTOSCALE, "10,3", (10, 3)),
        (AUTOSCALE, "5", (5, 0)),
        (CONCURRENCY, "4", 4),
        (CONCURRENCY, "auto", "auto"),
        (CONCURRENCY, "", None),
        (HOSTNAME, "w1@%h", f"w1@{gethostname()}"),
        (HOSTNAME, "w1@", f"w1@{gethostname()}"),
    ],
)
def test_text_becomes_a_value(type_: click.ParamType, text: Any, value: Any) -> None:
    assert type_.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("type_", "text", "complaint"),
    [
        (base.JSON_ARRAY, "[1", "Expecting"),
        (base.JSON_ARRAY, "{}", "was not an array"),
        (base.JSON_OBJECT, "[]", "was not an object"),
        (base.ISO8601, "tomorrow", "tomorrow"),
        (base.ISO8601_OR_FLOAT, "tomorrow", "tomorrow"),
        (base.LOG_LEVEL, "loud", "loud"),
        (UMASK, "0rw", "022"),
        (AUTOSCALE, "5,x", "5,x"),
        (AUTOSCALE, "1,2,3", "1,2,3"),
        (AUTOSCALE, "-1,2", "-1,2"),
        (CONCURRENCY, "many", "auto"),
        (CONCURRENCY, "-1", "-1"),
    ],
)
def test_a_wrong_value_is_named(type_: click.ParamType, text: str, complaint: str) -> None:
    with pytest.raises(click.BadParameter, match=complaint):
        type_.convert(text, None, None)
