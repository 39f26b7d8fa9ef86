"""The settings: what there is to set, how it is named, and the object an app reads it from."""

from celery._settings.censor import censor, sanitize_url
from celery._settings.names import NEW_TO_OLD, OLD_TO_NEW, Style, default_values
from celery._settings.option import NAMESPACES, Option, find
from celery._settings.schema import SETTINGS, SETTINGS_BY_NAME, WITHOUT_DEFAULT
from celery._settings.setting import Setting
from celery._settings.settings import Settings

__all__ = (
    "NAMESPACES",
    "NEW_TO_OLD",
    "OLD_TO_NEW",
    "SETTINGS",
    "SETTINGS_BY_NAME",
    "WITHOUT_DEFAULT",
    "Option",
    "Setting",
    "Settings",
    "Style",
    "censor",
    "default_values",
    "find",
    "sanitize_url",
)
