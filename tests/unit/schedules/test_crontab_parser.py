"""Text of one crontab field to numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery.schedules import ParseException, crontab_parser

MINUTES, HOURS, WEEKDAYS, MONTHDAYS, MONTHS = (60,), (24,), (7,), (31, 1), (12, 1)


@pytest.mark.parametrize(
    ("field", "text", "numbers"),
    [
        (MINUTES, "*", set(range(60))),
        (MINUTES, "*/20", {0, 20, 40}),
        (MINUTES, "10-20/4,55", {10, 14, 18, 55}),
        (MINUTES, "1-5/2,*/30", {0, 1, 3, 5, 30}),
        (MINUTES, "5-5", {5}),
        (MINUTES, " 1, 2", {1, 2}),
        (MINUTES, "*,3", set(range(60))),
        (MONTHDAYS, "*/10", {1, 11, 21, 31}),
        (MONTHS, "*/5", {1, 6, 11}),
        (HOURS, "22-2", {22, 23, 0, 1, 2}),
        (HOURS, "20-4/3", {20, 23, 2}),
        (WEEKDAYS, "fri-mon", {5, 6, 0, 1}),
        (MONTHS, "nov-feb", {11, 12, 1, 2}),
        (MONTHS, "5-mar", {5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3}),
        (WEEKDAYS, "mon", {1}),
        (WEEKDAYS, "Monday", {1}),
        (WEEKDAYS, "jan", {1}),
        (MONTHS, "March", {3}),
    ],
)
def test_fields(field: tuple[int, ...], text: str, numbers: set[int]) -> None:
    assert crontab_parser(*field).parse(text) == numbers


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (MINUTES, "61", "end range: 61 > 59"),
        (MINUTES, "7-80", "end range: 80 > 59"),
        (MONTHS, "0", "beginning range: 0 < 1"),
        (WEEKDAYS, "7", "end range: 7 > 6"),
        (MINUTES, "5/10", "5/10"),
        (MINUTES, "*/0", "step of zero"),
        (MINUTES, "*/x", "x"),
        (MINUTES, "mo", "'mo'"),
        (MINUTES, "1.5", r"1\.5"),
        (MINUTES, "1-", "'1-'"),
        (MINUTES, "*-5", "'\\*-5'"),
    ],
)
def test_impossible_values(field: tuple[int, ...], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        crontab_parser(*field).parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty part"), ("1,,2", "empty part"), ("-1", "negative"), ("*/", "empty filter")],
)
def test_not_the_grammar(text: str, message: str) -> None:
    with pytest.raises(ParseException, match=message):
        crontab_parser().parse(text)
    assert crontab_parser.ParseException is ParseException


@given(st.integers(0, 59), st.integers(0, 59), st.integers(1, 80))
def test_ranges_start_where_they_say_and_step_around(first: int, last: int, step: int) -> None:
    numbers = crontab_parser(60).parse(f"{first}-{last}/{step}")
    assert first in numbers
    length = (last - first) % 60
    assert numbers == {(first + offset) % 60 for offset in range(0, length + 1, step)}
