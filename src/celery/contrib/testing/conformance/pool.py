"""What every pool must do, as pytest tests: subclass `PoolConformance` to run them.

::

    from celery.contrib.testing.conformance.pool import ConcurrencyTests, PoolConformance

    class TestMyPool(PoolConformance, ConcurrencyTests):
        def make_pool(self, limit, **options):
            return MyPool(limit, **options)

Add the classes for what your pool can do beyond that: `ConcurrencyTests`, `LimitTests`,
`TerminationTests`, `ResizeTests`, `ProcessTests`.
"""

from celery.contrib.testing.conformance._pool_jobs import ConcurrencyTests, JobTests
from celery.contrib.testing.conformance._pool_kit import PoolKit
from celery.contrib.testing.conformance._pool_processes import (
    LimitTests,
    ProcessTests,
    ResizeTests,
    TerminationTests,
)

__all__ = [
    "ConcurrencyTests",
    "LimitTests",
    "PoolConformance",
    "PoolKit",
    "ProcessTests",
    "ResizeTests",
    "TerminationTests",
]


class PoolConformance(JobTests):
    """What holds for every pool."""
