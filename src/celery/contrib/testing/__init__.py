"""Tools for testing programs that use Celery, and implementations of its ports."""
