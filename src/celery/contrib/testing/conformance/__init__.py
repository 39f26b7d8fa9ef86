"""Suites for authors of brokers, result backends and pools: what the rest of Celery relies on.

A suite is a class of pytest tests. Subclass it in a test module, override its fixture that opens
the adapter, state in class attributes what is particular about it, and let pytest collect it.
"""
