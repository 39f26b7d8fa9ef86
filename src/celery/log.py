"""Logging of the current application (kept for its import path; use ``app.log``)."""

from typing import Any

from celery._state import get_current_app

__all__ = ("get_default_logger", "redirect_stdouts_to_logger", "setup_logging_subsystem")


def get_default_logger(*args: Any, **kwargs: Any) -> Any:
    """See ``app.log.get_default_logger``."""
    return get_current_app().log.get_default_logger(*args, **kwargs)


def redirect_stdouts_to_logger(*args: Any, **kwargs: Any) -> Any:
    """See ``app.log.redirect_stdouts_to_logger``."""
    return get_current_app().log.redirect_stdouts_to_logger(*args, **kwargs)


def setup_logging_subsystem(*args: Any, **kwargs: Any) -> Any:
    """See ``app.log.setup_logging_subsystem``."""
    return get_current_app().log.setup_logging_subsystem(*args, **kwargs)
