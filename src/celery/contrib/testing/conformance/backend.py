"""What every result backend must do, as pytest tests: subclass `BackendConformance` to run them.

::

    import functools
    import pytest
    from celery.contrib.testing.conformance.backend import BackendConformance

    class TestMyBackend(BackendConformance):
        counts_chords = False

        @pytest.fixture
        def open_backend(self, app, tmp_path):
            return functools.partial(MyBackend, app=app, url=f"mine://{tmp_path}")

The class attributes of `BackendKit` say what else may differ between stores.  All tests use ids of
their own, so the store may be one that others use too.
"""

from celery.contrib.testing.conformance._backend_chords import ChordTests
from celery.contrib.testing.conformance._backend_kit import BackendKit, BackendOpener
from celery.contrib.testing.conformance._backend_results import ResultTests
from celery.contrib.testing.conformance._backend_waiting import WaitingTests

__all__ = ["BackendConformance", "BackendKit", "BackendOpener"]


class BackendConformance(ResultTests, WaitingTests, ChordTests):
    """The whole suite."""
