"""Reading ISO 8601 dates."""

from datetime import datetime

__all__ = ("parse_iso8601",)


def parse_iso8601(datestring: str) -> datetime:
    """Return the point in time `datestring` says; naive if it names no time zone.

    Raises:
        ValueError: It is not an ISO 8601 date.
    """
    try:
        return datetime.fromisoformat(datestring)
    except ValueError:
        raise ValueError(f"unable to parse date string {datestring!r}") from None
