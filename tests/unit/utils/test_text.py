"""Shortening, laying out and filling in text."""

import pytest

from celery.utils.text import (
    WhateverIO,
    abbr,
    abbrtask,
    dedent,
    dedent_initial,
    ensure_newlines,
    ensure_sep,
    fill_paragraphs,
    indent,
    join,
    match_case,
    pluralize,
    pretty,
    remove_repeating_from_task,
    simple_format,
    str_to_list,
    truncate,
)


def test_shortening() -> None:
    assert truncate("abc def ghi", 5) == "abc..."
    assert truncate("abcdefgh", 5) == "abcde..."
    assert truncate("abc", 4) == truncate("abc", None) == "abc"
    assert abbr("abcdefgh", 5) == "ab..."
    assert abbr("abcdefgh", 5, False) == "abcde"
    assert abbr(None, 5) == abbrtask(None, 5) == "???"
    assert abbr("abcde", 5) == "abcde"


@pytest.mark.parametrize(
    ("length", "expected"),
    [(19, "feeds.tasks.refresh"), (18, "feeds.ta[.]refresh"), (10, "[.]refresh")],
)
def test_abbrtask(length: int, expected: str) -> None:
    assert abbrtask("feeds.tasks.refresh", length) == expected


def test_layout() -> None:
    assert dedent("    a\n    b") == "a\nb"
    assert dedent_initial("  abc", 2) == "abc"
    assert dedent_initial("   abc") == "   abc"
    assert fill_paragraphs("aa bb cc dd\n\nee ff gg", 5) == "aa bb\ncc dd\n\nee ff\ngg"
    assert indent("a\nb", 2) == "  a\n  b"
    assert join(["a", "", None, "b"]) == "a\nb"
    assert ensure_newlines("a\n") == "a\n\n"
    assert ensure_sep("|", "a||b", 2) == "a||b"
    assert pretty([1, 2]) == "[1, 2]"
    assert pretty({"a": 1}) == "\n    'a': 1}"
    assert pretty((1, 2)) == "\n    (1, 2)"


def test_words() -> None:
    assert [pluralize(n, "task") for n in (0, 1, 1.5, 2)] == ["tasks", "task", "tasks", "tasks"]
    assert str_to_list("a,b") == ["a", "b"]
    assert str_to_list(["a"]) == ["a"]
    assert match_case("abC", "DEF") == "ABC"
    assert match_case("ABC", "def") == "abc"
    assert (
        remove_repeating_from_task("proj.add", "proj.add(proj.add(2), proj.mul(4))")
        == "proj.add(add(2), mul(4))"
    )
    assert remove_repeating_from_task("add", "add(add(2))") == "add(add(2))"


def test_simple_format() -> None:
    assert simple_format("%a %% %b", {"a": "x", "b": lambda: 5}) == "x % 5"
    assert simple_format("%%a", {"a": "x"}) == "%a"
    with pytest.raises(ValueError, match="Unknown format %c in string '100%c'"):
        simple_format("100%c", {"a": "x"})


def test_whatever_io() -> None:
    out = WhateverIO(b"x")
    out.seek(0, 2)
    assert out.write(b"abc") == 3
    out.write("d")
    assert out.getvalue() == "xabcd"
