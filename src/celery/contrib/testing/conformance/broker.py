"""What every broker adapter must do, as pytest tests: subclass `BrokerConformance` to run them.

::

    import functools
    import pytest
    from celery.contrib.testing.conformance.broker import BrokerConformance

    class TestMyBroker(BrokerConformance):
        counts_deliveries = False

        @pytest.fixture
        def open_broker(self, tmp_path):
            return functools.partial(MyBroker.open, f"mine://{tmp_path}", BrokerOptions())

The class attributes of `BrokerKit` say what else may differ between adapters. All tests use queues
and exchanges with names of their own, so the broker may be one that others use too.
"""

from celery.contrib.testing.conformance._broker_kit import BrokerKit, BrokerOpener, to_queue
from celery.contrib.testing.conformance._broker_processes import ProcessTests
from celery.contrib.testing.conformance._broker_queueing import QueueingTests
from celery.contrib.testing.conformance._broker_settling import SettlingTests
from celery.contrib.testing.conformance._broker_topology import TopologyTests

__all__ = ["BrokerConformance", "BrokerKit", "BrokerOpener", "to_queue"]


class BrokerConformance(QueueingTests, SettlingTests, TopologyTests, ProcessTests):
    """The whole suite."""
