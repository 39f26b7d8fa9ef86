"""The brokers behind kombu pass the suite: RabbitMQ with both kinds of queues, and virtual ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Queue

from celery._broker.base import Broker
from celery._broker.kombu import KombuBroker
from celery._broker.options import BrokerOptions
from celery.contrib.testing.conformance._broker_queueing import QueueingTests
from celery.contrib.testing.conformance._broker_settling import SettlingTests
from celery.contrib.testing.conformance.broker import (
    BrokerConformance,
    BrokerKit,
    BrokerOpener,
    to_queue,
)


class RabbitMQ(BrokerKit):
    #: Classic queues only say that a message was delivered before. Quorum queues count, and what
    #: was pushed to the consumer counts as delivered, whether anybody has fetched it or not.
    counts_deliveries = False
    lists_bindings = False
    recovery_seconds = 2.0
    options = BrokerOptions(heartbeat=30, transport_options={"confirm_publish": True})

    @pytest.fixture
    def open_broker(self, rabbitmq_server: str) -> BrokerOpener:
        return partial(KombuBroker.open, rabbitmq_server, self.options)


@pytest.mark.rabbitmq
class TestRabbitMQ(RabbitMQ, BrokerConformance):
    pass


@pytest.mark.rabbitmq
class TestRabbitMQQuorumQueues(RabbitMQ, SettlingTests):
    @pytest.fixture
    def new_queue(self, broker: Broker) -> Iterator[Callable[..., Queue]]:
        names: list[str] = []

        def make(**options: Any) -> Queue:
            arguments = {"x-queue-type": "quorum"}
            queue = Queue(f"conformance.{uuid4().hex}", queue_arguments=arguments, **options)
            names.append(queue.name)
            broker.declare([queue])
            return queue

        yield make
        for name in names:
            broker.delete_queue(name)


@pytest.mark.rabbitmq
class TestRabbitMQWithoutConfirms(RabbitMQ, QueueingTests):
    options = BrokerOptions(heartbeat=30)
    test_it_can_be_used_again_after_close = None  # counts at once what has only been sent

    def test_length_and_purge(self, broker: Broker, queue: Queue) -> None:
        broker.publish(to_queue(queue, b"1", b"2", b"3"))
        deadline = time.monotonic() + 20.0
        while broker.length(queue.name) < 3:  # They were sent, and arrive some time.
            assert time.monotonic() < deadline
        assert broker.purge(queue.name) == 3


class Virtual(BrokerKit):
    """What kombu's own queues in files and tables cannot do."""

    counts_deliveries = False
    lists_bindings = False


class TestFilesystem(Virtual, QueueingTests):
    # Files of one millisecond have no order.
    test_first_in_first_out = None
    test_threads_publish_at_once = None
    # kombu may read a file that is not written yet.
    test_a_cancelled_fetch_loses_nothing = None

    @pytest.fixture
    def open_broker(self, tmp_path: Path) -> BrokerOpener:
        folders = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)}
        options = BrokerOptions(
            transport_options={**folders, "control_folder": str(tmp_path / "control")}
        )
        return partial(KombuBroker.open, "filesystem://", options)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
class TestSQLAlchemy(Virtual, QueueingTests, SettlingTests):
    # What kombu restores goes to the end, last first.
    test_stop_returns_what_is_unsettled_to_the_front = None
    test_first_in_first_out = None  # Thousands of messages take it half a minute.

    @pytest.fixture
    def open_broker(self, tmp_path: Path) -> BrokerOpener:
        url = f"sqla+sqlite:///{tmp_path}/kombu.db"
        return partial(KombuBroker.open, url, BrokerOptions())
