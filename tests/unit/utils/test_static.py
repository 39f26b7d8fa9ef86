from pathlib import Path

from celery.utils.static import get_file, logo


def test_logo_is_an_image() -> None:
    assert Path(logo()).read_bytes().startswith(b"\x89PNG\r\n")


def test_file_in_a_directory() -> None:
    assert Path(get_file("a", "b.txt")).parts[-3:] == ("static", "a", "b.txt")
