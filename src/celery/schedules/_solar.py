"""Due when the sun stands so."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from celery.exceptions import ImproperlyConfigured
from celery.local import try_import
from celery.schedules.base import BaseSchedule, schedstate, seconds_between

__all__ = ("solar",)

ephem = try_import("ephem")


class _Event(NamedTuple):
    """How an event is computed: the sun crosses `horizon`, with its centre or its edge."""

    method: str
    #: Degrees, or degrees:minutes.
    horizon: str
    centre: bool


#: The zero of sunrise and sunset is lowered by what the air bends.
_EVENTS: Final = {
    "dawn_astronomical": _Event("next_rising", "-18", centre=True),
    "dawn_nautical": _Event("next_rising", "-12", centre=True),
    "dawn_civil": _Event("next_rising", "-6", centre=True),
    "sunrise": _Event("next_rising", "-0:34", centre=False),
    "solar_noon": _Event("next_transit", "0", centre=False),
    "sunset": _Event("next_setting", "-0:34", centre=False),
    "dusk_civil": _Event("next_setting", "-6", centre=True),
    "dusk_nautical": _Event("next_setting", "-12", centre=True),
    "dusk_astronomical": _Event("next_setting", "-18", centre=True),
}


class solar(BaseSchedule):
    """Due at an event of the sun, as seen from a place.

    Near the poles an event may not occur for months: the next one is then sought further ahead.

    Args:
        event: One of ``dawn_astronomical``, ``dawn_nautical``, ``dawn_civil``, ``sunrise``,
            ``solar_noon``, ``sunset``, ``dusk_civil``, ``dusk_nautical``, ``dusk_astronomical``.
        lat: Latitude in degrees, -90 to 90, north positive.
        lon: Longitude in degrees, -180 to 180, east positive.
        **kwargs: See :class:`BaseSchedule`.

    Raises:
        ImproperlyConfigured: The library ``ephem`` is not installed.
        ValueError: There is no such event or place.
    """

    #: How far ahead an event is sought.
    max_search_days = 366

    def __init__(self, event: str, lat: float, lon: float, **kwargs: Any) -> None:
        if ephem is None:
            raise ImproperlyConfigured(
                "The ephem library is needed for solar schedules: pip install 'celery[solar]'"
            )
        if event not in _EVENTS:
            raise ValueError(f"{event!r} is not a solar event: use one of {', '.join(_EVENTS)}")
        if not -90 <= lat <= 90:
            raise ValueError(f"Latitude {lat} is not between -90 and 90 degrees")
        if not -180 <= lon <= 180:
            raise ValueError(f"Longitude {lon} is not between -180 and 180 degrees")
        super().__init__(**kwargs)
        self.event = event
        self.lat = lat
        self.lon = lon
        self.method, horizon, self.use_center = _EVENTS[event]
        self.cal = ephem.Observer()
        self.cal.lat = str(lat)
        self.cal.lon = str(lon)
        self.cal.elev = 0
        self.cal.horizon = horizon
        self.cal.pressure = 0  # the horizon has the refraction in it
        self.sun = ephem.Sun()

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Return the time from now until the event; negative when it has passed.

        Args:
            last_run_at: When the task last ran; UTC if naive.

        Raises:
            RuntimeError: The event does not occur within :attr:`max_search_days`.
        """
        event = self._next_event(self.maybe_make_aware(last_run_at))
        return seconds_between(self.maybe_make_aware(self.now()), event)

    def _next_event(self, start: datetime) -> datetime:
        utc = start.astimezone(UTC)
        for days in range(self.max_search_days + 1):
            try:
                found = self._event_after(utc + timedelta(days=days))
            except ephem.CircumpolarError:
                continue  # not on that day, at that place
            return found
        raise RuntimeError(
            f"There is no {self.event} at {self.lat}, {self.lon} within {self.max_search_days} days"
        )

    def _event_after(self, start: datetime) -> datetime:
        begin = ephem.Date(start.replace(tzinfo=None))
        compute = getattr(self.cal, self.method)
        if self.method == "next_transit":
            found = compute(self.sun, start=begin)
        else:
            found = compute(self.sun, start=begin, use_center=self.use_center)
        event: datetime = found.datetime()
        return event.replace(tzinfo=UTC)

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Say whether the event has occurred since `last_run_at`, and when to ask again."""
        remaining_s = self.remaining_estimate(last_run_at).total_seconds()
        if remaining_s > 0:
            return schedstate(is_due=False, next=remaining_s)
        return schedstate(True, self.remaining_estimate(self.now()).total_seconds())

    def __repr__(self) -> str:
        return f"<solar: {self.event} at latitude {self.lat}, longitude: {self.lon}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, solar):
            return NotImplemented
        return (self.event, self.lat, self.lon) == (other.event, other.lat, other.lon)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.event, self.lat, self.lon)


solar.__module__ = "celery.schedules"
