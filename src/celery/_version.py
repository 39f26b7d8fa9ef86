"""The version of this package, in one place."""

__version__ = "5.8.0"
