"""Files that come with the package."""

from pathlib import Path

__all__ = ("get_file", "logo")


def get_file(*args: str) -> str:
    """Return the path of a file of this directory, given by the parts of its name."""
    return str(Path(__file__).parent.joinpath(*args))


def logo() -> str:
    """Return the path of the logo, a PNG image of 128 by 128 pixels."""
    return get_file("celery_128.png")
