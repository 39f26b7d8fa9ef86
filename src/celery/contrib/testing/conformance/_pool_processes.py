"""The pool suite: interrupting jobs, changing the size, and the deaths of processes."""

import os
import signal
from pathlib import Path

import pytest
from billiard.exceptions import SoftTimeLimitExceeded, Terminated, WorkerLostError

from celery.contrib.testing.conformance import _pool_targets as targets
from celery.contrib.testing.conformance._pool_kit import LoopedPool, PoolKit, held_by, until

__all__ = ("LimitTests", "ProcessTests", "ResizeTests", "TerminationTests")


def works(looped: LoopedPool, jobs: int = 20) -> bool:
    """Does the pool run a few jobs?"""
    records = [looped.apply(targets.add, number) for number in range(jobs)]
    return [calls.end() for calls in records] == list(range(jobs))


class LimitTests(PoolKit):
    """What holds for a pool that knows time limits."""

    def test_soft_limit(self, tmp_path: Path) -> None:
        with self.running() as looped:
            caught = looped.apply(
                targets.catch_soft_limit, str(tmp_path / "gate"), soft_timeout=0.1
            )
            missed = looped.apply(targets.hold, str(tmp_path / "gate"), soft_timeout=0.1)
            assert caught.end() == "SoftTimeLimitExceeded"
            assert isinstance(missed.end().exception, SoftTimeLimitExceeded)
            assert works(looped)
        assert caught.names == ["accepted", "soft limit", "returned"]
        assert missed.names == ["accepted", "soft limit", "failed"]
        assert missed["soft limit"] == 0.1

    def test_hard_limit(self, tmp_path: Path) -> None:
        with self.running() as looped:
            calls = looped.apply(targets.hold, str(tmp_path / "gate"), timeout=0.1)
            assert calls.end() == 0.1
            assert works(looped)
        assert calls.names == ["accepted", "hard limit"]

    def test_limits_of_the_pool(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(soft_timeout=0.1, timeout=30) as looped:
            assert looped.pool.info["timeouts"] == (0.1, 30)
            assert looped.apply(targets.catch_soft_limit, str(gate)).end() != str(gate)

    def test_limit_not_reached(self) -> None:
        with self.running() as looped:
            jobs = [looped.apply(targets.add, 1, soft_timeout=20, timeout=20) for _ in range(20)]
            for calls in jobs:
                assert calls.end() == 1


class TerminationTests(PoolKit):
    """What holds for a pool that can end a running job."""

    def test_terminating_a_job(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running() as looped:
            calls = looped.apply(targets.hold, str(gate))
            until(lambda: held_by(gate))
            looped.call(looped.pool.terminate_job, calls.pid, signal.SIGTERM)
            info = calls.end()
            assert works(looped)
        assert isinstance(info.exception, Terminated)
        assert info.exception.args == (signal.SIGTERM,)
        assert calls.names == ["accepted", "failed"]


class ResizeTests(PoolKit):
    """What holds for a pool that can grow and shrink."""

    def test_growing_and_shrinking_while_jobs_run(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(1) as looped:
            jobs = [looped.apply(targets.hold, str(gate)) for _ in range(3)]
            jobs[0].wait("accepted")
            looped.call(looped.pool.grow, 2)
            for calls in jobs:
                calls.wait("accepted")
            assert looped.pool.num_processes == 3
            looped.call(looped.pool.shrink, 2)
            assert looped.pool.num_processes == 1
            gate.touch()
            assert [calls.end() for calls in jobs] == [str(gate)] * 3
            until(lambda: len(looped.pool.info["processes"]) == 1)
            assert works(looped)

    def test_shrinking_by_too_many(self) -> None:
        with self.running(2) as looped, pytest.raises(ValueError, match="Can't shrink pool"):
            looped.pool.shrink(3)


class ProcessTests(PoolKit):
    """What holds for a pool of processes, which may die."""

    processes = True

    def test_result_that_cannot_be_pickled(self) -> None:
        with self.running(1) as looped:
            pid = looped.apply(os.getpid).end()
            info = looped.apply(targets.return_unpicklable).end()
            assert "cannot be pickled" in str(info.exception)
            assert looped.apply(os.getpid).end() == pid

    def test_exception_that_cannot_be_pickled(self) -> None:
        with self.running(1) as looped:
            pid = looped.apply(os.getpid).end()
            calls = looped.apply(targets.raise_unpicklable)
            assert "cannot be pickled" in str(calls.end().exception)
            assert calls.names == ["accepted", "failed"]
            assert looped.apply(os.getpid).end() == pid

    def test_job_that_cannot_be_pickled_is_refused(self) -> None:
        with self.running(1) as looped:
            with pytest.raises(TypeError, match="cannot be pickled"):
                looped.apply(targets.echo, targets.Unpicklable())
            assert works(looped)

    def test_process_killed_in_a_job(self) -> None:
        with self.running(1) as looped:
            looped.apply(targets.add, 1).end()
            calls = looped.apply(targets.suicide)
            info = calls.end()
            assert works(looped)
        assert isinstance(info.exception, WorkerLostError)
        assert str(info.exception) == "Worker exited prematurely: signal 9 (SIGKILL) Job: 1."
        assert calls.names == ["accepted", "failed"]

    def test_process_that_exits_in_a_job(self) -> None:
        with self.running(1) as looped:
            info = looped.apply(targets.die, 7).end()
            assert str(info.exception) == "Worker exited prematurely: exitcode 7 Job: 0."
            assert works(looped)

    def test_process_killed_while_idle(self) -> None:
        with self.running(2) as looped:
            assert works(looped)
            before = set(looped.pool.info["processes"])
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            until(lambda: len(set(looped.pool.info["processes"]) - before) == 2)
            assert works(looped)

    def test_replaced_after_its_number_of_jobs(self) -> None:
        with self.running(1, maxtasksperchild=3) as looped:
            pids = [looped.apply(os.getpid).end() for _ in range(9)]
        assert len(set(pids)) == 3
        assert pids == sorted(pids, key=pids.index)

    def test_restart_replaces_all_but_never_in_a_job(self, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        with self.running(2) as looped:
            calls = looped.apply(targets.hold, str(gate))
            until(lambda: held_by(gate))
            before = set(looped.pool.info["processes"])
            looped.call(looped.pool.restart)
            until(lambda: len(set(looped.pool.info["processes"]) - before) == 1)
            assert works(looped)
            gate.touch()
            assert calls.end() == str(gate)
            until(lambda: not before & set(looped.pool.info["processes"]))
            assert works(looped)
