"""The pool suite: running jobs, and starting and stopping the pool."""

import os
import threading
import time
from pathlib import Path

from celery.contrib.testing.conformance import _pool_targets as targets
from celery.contrib.testing.conformance._pool_kit import Calls, PoolKit, held_by, until

__all__ = ("ConcurrencyTests", "JobTests")

MEGABYTE = 1024 * 1024


class JobTests(PoolKit):
    """What holds for a pool of any kind."""

    def test_value_reaches_callback_after_acceptance(self) -> None:
        before = time.monotonic()
        with self.running() as looped:
            calls = looped.apply(targets.add, 2)
            assert calls.end() == 2
        assert calls.names == ["accepted", "returned"]
        pid, when = calls["accepted"]
        assert (pid != os.getpid()) is self.processes
        assert before <= when <= time.monotonic()

    def test_keyword_arguments(self) -> None:
        with self.running() as looped:
            calls = Calls()
            looped.call(looped.pool.apply_async, targets.add, (2,), {"y": 3}, **calls.options())
            assert calls.end() == 5

    def test_exception_reaches_error_callback(self) -> None:
        with self.running() as looped:
            info = looped.apply(targets.fail, "because").end()
            assert looped.apply(targets.add, 1).end() == 1
        assert info.type is ValueError
        assert str(info.exception) == "because"
        assert "in fail" in info.traceback

    def test_exit_in_a_job_ends_the_job_only(self) -> None:
        with self.running(1) as looped:
            calls = looped.apply(targets.exit_process, 3)
            calls.end()
            assert calls.names == ["accepted", "failed"]
            assert looped.apply(targets.add, 1).end() == 1

    def test_each_of_many_jobs_has_one_outcome(self) -> None:
        with self.running() as looped:
            jobs = [looped.apply(targets.echo, number) for number in range(300)]
            for number, calls in enumerate(jobs):
                assert calls.end() == number
        assert all(calls.names == ["accepted", "returned"] for calls in jobs)

    def test_jobs_start_in_order(self) -> None:
        with self.running(1) as looped:
            jobs = [looped.apply(targets.echo, number) for number in range(50)]
            for calls in jobs:
                calls.end()
        starts = [calls["accepted"][1] for calls in jobs]
        assert starts == sorted(starts)

    def test_large_argument_and_result(self) -> None:
        value = os.urandom(5 * MEGABYTE)
        with self.running() as looped:
            assert looped.apply(targets.echo, value).end() == value

    def test_callbacks_are_called_on_the_loop(self) -> None:
        with self.running() as looped:
            calls = looped.apply(targets.add, 1)
            calls.end()
            assert calls.threads == {looped.call(threading.get_ident)}

    def test_stop_and_terminate_are_safe_twice(self) -> None:
        with self.running() as looped:
            active = [looped.pool.active]
            for end in [looped.pool.stop] * 2 + [looped.pool.terminate] * 2:
                end()
                active.append(looped.pool.active)
        assert active == [True, False, False, False, False]

    def test_stopping_what_was_never_started(self) -> None:
        self.make_pool(2).stop()
        self.make_pool(2).terminate()

    def test_says_what_it_is(self) -> None:
        with self.running(2) as looped:
            pool = looped.pool
            assert pool.did_start_ok()
            slots = 2 if self.concurrent else 1
            assert pool.num_processes == pool.info["max-concurrency"] == slots
            module, _, name = pool.info["implementation"].partition(":")
            assert (module, name) == (type(pool).__module__, type(pool).__qualname__)


class ConcurrencyTests(PoolKit):
    """What holds for a pool that runs jobs while the submitter goes on."""

    concurrent = True

    def test_callback_that_raises_harms_nobody(self) -> None:
        def bad(*args: object) -> None:
            raise RuntimeError("from a callback")

        with self.running(1) as looped:
            looped.call(
                looped.pool.apply_async, targets.add, (1,), accept_callback=bad, callback=bad
            )
            assert looped.apply(targets.add, 1).end() == 1

    def test_runs_as_many_jobs_at_once_as_its_limit(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(2) as looped:
            jobs = [looped.apply(targets.hold, str(gate)) for _ in range(3)]
            jobs[0].wait("accepted")
            jobs[1].wait("accepted")
            assert jobs[2].names == []
            gate.touch()
            for calls in jobs:
                calls.end()

    def test_long_job_does_not_delay_others(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(2) as looped:
            long = looped.apply(targets.hold, str(gate))
            for calls in [looped.apply(targets.add, number) for number in range(100)]:
                calls.end()
            assert long.names == ["accepted"]
            gate.touch()
            long.end()

    def test_stop_waits_for_the_running_job(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(2) as looped:
            calls = looped.apply(targets.hold, str(gate))
            until(lambda: held_by(gate))
            stopper = threading.Thread(target=looped.pool.stop)
            stopper.start()
            assert stopper.is_alive()
            gate.touch()
            stopper.join()
            assert calls.end() == str(gate)
