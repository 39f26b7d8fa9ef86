"""The error a command of the command line ends with (apart, because it needs click)."""

from click.exceptions import ClickException

__all__ = ("CeleryCommandException",)


class CeleryCommandException(ClickException):
    """Ends a command: click prints `message` and exits with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance


CeleryCommandException.__module__ = "celery.exceptions"
