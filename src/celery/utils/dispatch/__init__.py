"""Signals: telling those who asked that something has happened."""

from celery.utils.dispatch.signal import Signal

__all__ = ("Signal",)
