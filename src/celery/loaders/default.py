"""The loader used when there is no application: configuration is ``celeryconfig.py``."""

import os
import warnings
from collections.abc import Mapping
from typing import Any, Final

from celery.exceptions import NotConfigured
from celery.loaders.base import BaseLoader, is_absence_of
from celery.utils.collections import force_mapping
from celery.utils.serialization import strtobool

__all__ = ("DEFAULT_CONFIG_MODULE", "Loader")

DEFAULT_CONFIG_MODULE: Final = "celeryconfig"


class Loader(BaseLoader):
    """Reads the module ``CELERY_CONFIG_MODULE`` names, or ``celeryconfig``."""

    def setup_settings(self, settingsdict: Any) -> Mapping[str, Any]:
        """Return the settings of `settingsdict`, a mapping or an object with attributes."""
        settings: Mapping[str, Any] = force_mapping(settingsdict)
        return settings

    def read_configuration(self, fail_silently: bool = True) -> Mapping[str, Any]:  # type: ignore[override]  # historical
        """Return the settings of the configuration module.

        Args:
            fail_silently: No such module means no settings.  ``C_WNOCONF=1`` in the environment
                then has it warned about.

        Raises:
            ImportError: There is no such module (if not `fail_silently`), or it imports one that
                does not exist.
        """
        name = os.environ.get("CELERY_CONFIG_MODULE") or DEFAULT_CONFIG_MODULE
        try:
            module = self._import_config_module(name)
        except ModuleNotFoundError as exc:
            if not fail_silently or not is_absence_of(name, exc):
                raise
            if strtobool(os.environ.get("C_WNOCONF", "false")):
                warnings.warn(
                    f"No {name} module found! Make sure it exists and can be imported.",
                    NotConfigured,
                    stacklevel=2,
                )
            return self.setup_settings({})
        self.configured = True
        return self.setup_settings(module)
