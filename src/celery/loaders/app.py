"""The loader of applications: configuration is what the application is given."""

from celery.loaders.base import BaseLoader

__all__ = ("AppLoader",)


class AppLoader(BaseLoader):
    """Loader used when an application was made by the program."""
