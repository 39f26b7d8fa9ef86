"""The pool of links: bounded, and each thread gets its own again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from celery._broker._kombu_link import LinkPool, reach


class FakeLink:
    def __init__(self) -> None:
        self.state = "new"

    def reset(self) -> None:
        self.state = "reset"

    def close(self) -> None:
        self.state = "closed"


def pool(limit: int | None, timeout: float | None = None) -> LinkPool:
    make: Callable[[], Any] = FakeLink
    return LinkPool(make, limit=limit, timeout=timeout)


def use(links: LinkPool) -> Any:
    with links.take() as link:
        return link


def test_a_thread_gets_the_link_that_it_has_used() -> None:
    links = pool(2)
    with links.take() as mine, ThreadPoolExecutor(1) as thread:
        others = thread.submit(use, links).result()
        assert others is not mine
        assert thread.submit(use, links).result() is others
    assert use(links) is mine


def test_beyond_the_limit_they_share() -> None:
    links = pool(1)
    mine = use(links)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(use, links).result() is mine


def test_waiting_has_an_end() -> None:
    links = pool(1, timeout=0.01)
    with links.take(), ThreadPoolExecutor(1) as thread:
        refused = thread.submit(use, links).exception()
    assert isinstance(refused, OperationalError)
    assert "broker_pool_limit" in str(refused)
    assert use(links).state == "new"


def test_who_waits_gets_what_is_given_back() -> None:
    links = pool(1)
    waiting = threading.Event()

    def wait() -> Any:
        waiting.set()
        return use(links)

    with ThreadPoolExecutor(1) as thread:
        with links.take() as link:
            future = thread.submit(wait)
            assert waiting.wait(10)
        assert future.result(10) is link


def test_a_link_is_reset_after_an_error() -> None:
    links = pool(1)
    with pytest.raises(ValueError), links.take() as link:
        raise ValueError
    assert link.state == "reset"
    assert use(links) is link


def test_without_a_limit_each_use_has_its_own() -> None:
    links = pool(None)
    one, two = use(links), use(links)
    assert one is not two
    assert (one.state, two.state) == ("closed", "closed")


def test_close_closes_also_what_is_in_use() -> None:
    links = pool(2)
    with links.take() as used:
        with ThreadPoolExecutor(1) as thread:
            idle = thread.submit(use, links).result()
        links.close()
        assert (used.state, idle.state) == ("new", "closed")
    assert used.state == "closed"
    assert use(links).state == "new"


class FakeClient:
    recoverable_connection_errors = (ConnectionError,)

    def __init__(self, *alternatives: bool) -> None:
        self.alt = list(alternatives) if len(alternatives) > 1 else []
        self.alive = list(alternatives)
        self.connection = object()

    def ensure_connection(self, **_: Any) -> None:
        if not self.alive[0]:
            raise ConnectionError

    def maybe_switch_next(self) -> None:
        self.alive.append(self.alive.pop(0))


def test_each_alternative_is_tried_once() -> None:
    client = FakeClient(False, False, True)
    assert reach(client) is client.connection
    for dead in (FakeClient(False), FakeClient(False, False)):
        with pytest.raises(ConnectionError):
            reach(dead)
