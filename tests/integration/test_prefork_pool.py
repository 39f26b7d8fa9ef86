"""The prefork pool on bad days: whatever dies, and whenever, each job has exactly one outcome."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import billiard
import pytest
from billiard.exceptions import Terminated

from celery import _state, signals
from celery.concurrency import prefork
from celery.concurrency._prefork import child
from celery.concurrency._prefork.options import PoolOptions
from celery.concurrency._prefork.pool import ProcessPool
from celery.contrib.testing.conformance import _pool_targets as targets
from celery.contrib.testing.conformance._pool_kit import (
    PATIENCE,
    Calls,
    LoopedPool,
    PoolKit,
    held_by,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and local sockets")


class PreforkKit(PoolKit):
    def make_pool(self, limit: int, **options: Any) -> prefork.TaskPool:
        return prefork.TaskPool(limit, **options)


running = PreforkKit().running


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "celery.pool")


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    """Every test gives back its descriptors, and leaves no children."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert multiprocessing.active_children() == []
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)


class Outcomes:
    """Counts what many jobs are told."""

    def __init__(self) -> None:
        self.told: dict[int, list[str]] = {}
        self.by_kind: Counter[str] = Counter()

    def options(self, number: int) -> dict[str, Any]:
        told = self.told[number] = []

        def tell(kind: str) -> None:
            told.append(kind)
            self.by_kind[kind] += 1

        return {
            "callback": lambda value: tell("returned" if value == number else "wrong value"),
            "error_callback": lambda info: tell(type(info.exception).__name__),
            "timeout_callback": lambda soft, timeout: soft or tell("hard limit"),
        }

    def wait(self) -> None:
        until(lambda: sum(self.by_kind.values()) >= len(self.told))
        assert all(len(told) == 1 for told in self.told.values())


def submit_many(looped: LoopedPool, count: int, target: Callable[[int], int]) -> Outcomes:
    outcomes = Outcomes()

    def submit() -> None:
        for number in range(count):
            looped.pool.apply_async(target, (number,), **outcomes.options(number))

    looped.call(submit)
    return outcomes


def briefly(number: int) -> int:
    time.sleep((0, 0, 0.0005, 0.002)[number % 4])
    return number


class TestDeaths:
    def test_10000_jobs_under_random_kills(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Idle, running, reporting, and, in the child itself, around the acceptance."""
        seed = int.from_bytes(os.urandom(4), "big")
        print(f"seed: {seed}")
        rng = random.Random(seed)
        tell_accepted = child._Child._tell_accepted

        def tell_and_perhaps_die(self: Any, sequence: int) -> None:
            # `random` has the same state in all forked children: the pid tells them apart.
            fate = random.Random(f"{seed}-{os.getpid()}-{sequence}").random()
            if fate < 0.002:
                os.kill(os.getpid(), signal.SIGKILL)
            tell_accepted(self, sequence)
            if fate > 0.998:
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(child._Child, "_tell_accepted", tell_and_perhaps_die)
        with running(3) as looped:
            outcomes = submit_many(looped, 10_000, briefly)
            while sum(outcomes.by_kind.values()) < 10_000:
                time.sleep(rng.uniform(0.01, 0.06))
                pids = looped.pool.info["processes"]
                if pids:
                    kill(rng.choice(pids), rng.choice([signal.SIGKILL, signal.SIGTERM]))
            outcomes.wait()
            assert set(outcomes.by_kind) == {"returned", "WorkerLostError"}
            assert outcomes.by_kind["WorkerLostError"] < 1000
            until(lambda: len(looped.pool.info["processes"]) == 3)
            assert looped.apply(targets.add, 1).end() == 1

    @pytest.mark.parametrize("sibling", ["none", "idle", "busy"])
    def test_killed_between_receiving_and_accepting(
        self, sibling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the job in the dead hands is lost, at once, whatever the others do."""
        trap, gate = tmp_path / "trap", tmp_path / "gate"
        tell_accepted = child._Child._tell_accepted

        def fall_into_the_trap(self: Any, sequence: int) -> None:
            if trap.exists():
                trap.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            tell_accepted(self, sequence)

        monkeypatch.setattr(child._Child, "_tell_accepted", fall_into_the_trap)
        with running(1 if sibling == "none" else 2) as looped:
            held = looped.apply(targets.hold, str(gate)) if sibling == "busy" else None
            if held:
                held.wait("accepted")
            trap.touch()
            lost = looped.apply(targets.add, 1)
            info = lost.end()
            assert "Worker exited prematurely: signal 9 (SIGKILL)" in str(info.exception)
            assert lost.names == ["failed"]
            assert looped.apply(targets.add, 2).end() == 2
            gate.touch()
            if held:
                assert held.end() == str(gate)

    def test_stopped_process_loses_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job in the hands of a living process is not lost, however long that sleeps."""
        trap = tmp_path / "trap"
        tell_accepted = child._Child._tell_accepted

        def fall_into_the_trap(self: Any, sequence: int) -> None:
            if trap.exists():
                trap.rename(tmp_path / f"trapped.{os.getpid()}")
                os.kill(os.getpid(), signal.SIGSTOP)
            tell_accepted(self, sequence)

        monkeypatch.setattr(child._Child, "_tell_accepted", fall_into_the_trap)
        with running(2) as looped:
            trap.touch()
            slow = looped.apply(targets.add, 1)
            until(lambda: held_by(tmp_path / "trapped"))
            (trapped,) = held_by(tmp_path / "trapped")
            (other,) = set(looped.pool.info["processes"]) - {trapped}
            kill(other, signal.SIGKILL)
            until(lambda: other not in looped.pool.info["processes"])
            assert [looped.apply(targets.add, number).end() for number in range(20)] == [*range(20)]
            assert slow.names == []
            kill(trapped, signal.SIGCONT)
            assert slow.end() == 1

    def test_process_whose_setting_up_fails(self, tmp_path: Path) -> None:
        def fail() -> None:
            with open(tmp_path / "starts", "a") as file:
                file.write("x")
            os._exit(1)

        start = time.monotonic()
        pool = ProcessPool(2, PoolOptions(initializer=fail))
        pool.start()
        job = pool.submit(targets.add, (1,), {})
        until(lambda: (tmp_path / "starts").exists())
        until(lambda: (tmp_path / "starts").stat().st_size >= 6)
        assert not pool.did_start_ok()
        # Not a storm of forks: after one a slot they come at growing distances.
        assert time.monotonic() - start > 0.4
        assert not job.ready()
        pool.terminate()

    def test_process_that_hangs_while_it_is_set_up(self, tmp_path: Path) -> None:
        def hang_once() -> None:
            if not (tmp_path / "hung").exists():
                (tmp_path / "hung").touch()
                time.sleep(60)

        pool = ProcessPool(1, PoolOptions(initializer=hang_once, alive_timeout=0.3))
        pool.start()
        try:
            assert pool.submit(targets.add, (1,), {}).get(PATIENCE) == 1
        finally:
            pool.close()
            pool.join()

    @pytest.mark.parametrize("task", ["idle", "busy"])
    def test_children_die_with_the_parent(self, task: str, tmp_path: Path) -> None:
        script = textwrap.dedent(
            """
            import sys, time
            from celery.concurrency.prefork import TaskPool
            pool = TaskPool(3)
            pool.start()
            if sys.argv[1] == "busy":
                jobs = [pool.apply_async(time.sleep, (600,)) for _ in range(3)]
                while not all(job.accepted() for job in jobs):
                    time.sleep(0.01)
            print(*pool.info["processes"], flush=True)
            time.sleep(600)
            """
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", script, task], stdout=subprocess.PIPE, text=True
        )
        with parent:
            try:
                assert parent.stdout
                pids = [int(pid) for pid in parent.stdout.readline().split()]
            finally:
                parent.kill()
        assert len(pids) == 3
        until(lambda: not any(map(is_alive, pids)))


class TestLimits:
    def test_limits_hit_no_other_job(self) -> None:
        """Jobs end just when their limits do; those between them have none."""
        with running(2) as looped:
            limited, free = Outcomes(), Outcomes()

            def submit() -> None:
                for number in range(120):
                    limits = {"soft_timeout": 0.004} if number % 2 else {"timeout": 0.004}
                    looped.pool.apply_async(nap, (number,), **limited.options(number), **limits)
                    looped.pool.apply_async(nap, (number,), **free.options(number))

            looped.call(submit)
            limited.wait()
            free.wait()
        assert set(free.by_kind) == {"returned"}
        assert set(limited.by_kind) <= {"returned", "hard limit", "SoftTimeLimitExceeded"}

    def test_soft_limit_signal_while_idle_does_nothing(self) -> None:
        with running(1) as looped:
            pid = looped.apply(os.getpid).end()
            for _ in range(20):
                kill(pid, signal.SIGUSR1)
                assert looped.apply(os.getpid).end() == pid

    def test_terminating_runs_clean_up(self, tmp_path: Path) -> None:
        with running(1) as looped:
            calls = looped.apply(hold_and_clean_up, str(tmp_path / "gate"))
            until(lambda: held_by(tmp_path / "gate"))
            looped.call(looped.pool.terminate_job, calls.pid)
            assert calls.end().exception.args == (signal.SIGTERM,)
        assert (tmp_path / "gate.cleaned").exists()

    @pytest.mark.parametrize("job", ["hold_and_fail_to_clean_up", "hold_on_stubbornly"])
    def test_terminating_what_resists(self, job: str, tmp_path: Path) -> None:
        with running(1) as looped:
            calls = looped.apply(globals()[job], str(tmp_path / "gate"))
            until(lambda: held_by(tmp_path / "gate"))
            looped.call(looped.pool.terminate_job, calls.pid)
            (tmp_path / "gate").touch()
            assert isinstance(calls.end().exception, Terminated)
            assert looped.apply(targets.add, 1).end() == 1

    def test_terminating_what_does_not_run(self, tmp_path: Path) -> None:
        with running(1) as looped:
            pid = looped.apply(os.getpid).end()
            looped.call(looped.pool.terminate_job, pid)
            looped.call(looped.pool.terminate_job, 1)
            assert looped.apply(os.getpid).end() == pid

    def test_replaced_when_it_has_too_much_memory(self) -> None:
        with running(1, max_memory_per_child=1) as looped:
            assert looped.apply(os.getpid).end() != looped.apply(os.getpid).end()


class TestSize:
    def test_growing_and_shrinking_under_load(self) -> None:
        with running(2) as looped:
            outcomes = submit_many(looped, 3000, briefly)
            rng = random.Random(5)
            for _ in range(10):
                looped.call(looped.pool.grow, rng.randint(1, 2))
                time.sleep(0.01)
                looped.call(looped.pool.shrink, rng.randint(1, looped.pool.num_processes - 1))
                looped.call(looped.pool.restart)
            outcomes.wait()
            assert set(outcomes.by_kind) == {"returned"}
            until(lambda: len(looped.pool.info["processes"]) == looped.pool.num_processes)

    def test_none_at_all_for_a_while(self) -> None:
        with running(1) as looped:
            looped.call(looped.pool.shrink, 1)
            until(lambda: looped.pool.info["processes"] == [])
            calls = looped.apply(targets.add, 1)
            looped.call(looped.pool.grow, 1)
            assert calls.end() == 1

    def test_more_bytes_than_the_socket_holds(self) -> None:
        with running(1) as looped:
            jobs = [looped.apply(len, bytes(30_000)) for _ in range(200)]
            assert [calls.end() for calls in jobs] == [30_000] * 200


class TestStopping:
    def test_without_a_loop(self) -> None:
        pool = prefork.TaskPool(2)
        pool.start()
        jobs = [pool.apply_async(targets.add, (number,)) for number in range(100)]
        pool.stop()
        assert [job.get(0) for job in jobs] == list(range(100))
        with pytest.raises(RuntimeError, match="takes no more jobs"):
            pool.apply_async(targets.add, (1,))

    def test_on_a_loop_that_stands_still(self) -> None:
        """As a worker does whose loop has ended: it is run until the jobs have."""
        loop = asyncio.new_event_loop()
        pool = prefork.TaskPool(2)
        pool.start()
        pool.register_with_event_loop(Hub(loop))
        calls = [Calls() for _ in range(100)]
        for each in calls:
            pool.apply_async(targets.add, (1,), **each.options())
        pool.stop()
        loop.close()
        assert all(each.names == ["accepted", "returned"] for each in calls)
        assert calls[0].threads == {threading.get_ident()}

    def test_from_inside_a_running_loop(self) -> None:
        async def main() -> list[Calls]:
            pool = prefork.TaskPool(2)
            pool.start()
            pool.register_with_event_loop(Hub(asyncio.get_running_loop()))
            calls = [Calls() for _ in range(100)]
            for each in calls:
                pool.apply_async(targets.add, (1,), **each.options())
            pool.stop()
            return calls

        assert all(each.names == ["accepted", "returned"] for each in asyncio.run(main()))

    def test_terminate_while_jobs_run(self, tmp_path: Path) -> None:
        with running(2) as looped:
            calls = looped.apply(targets.hold, str(tmp_path / "gate"))
            until(lambda: held_by(tmp_path / "gate"))
            looped.call(looped.pool.terminate)
            assert calls.names == ["accepted"]
            assert not any(map(is_alive, held_by(tmp_path / "gate")))

    def test_exit_asked_for_by_a_callback_ends_the_loop_and_loses_nothing(self) -> None:
        loop = asyncio.new_event_loop()
        pool = prefork.TaskPool(1)
        pool.start()
        pool.register_with_event_loop(Hub(loop))
        calls = Calls()

        def leave(value: object) -> None:
            raise SystemExit(3)

        pool.apply_async(targets.add, (1,), callback=leave)
        pool.apply_async(targets.add, (2,), **calls.options())
        with pytest.raises(SystemExit):
            loop.run_forever()
        pool.stop()
        loop.close()
        assert calls.end() == 2


class TestChildren:
    def test_name_and_slot(self) -> None:
        with running(2) as looped:
            until(lambda: len({looped.apply(identity).end() for _ in range(20)}) == 2)
            assert {looped.apply(identity).end() for _ in range(200)} == {
                ("ForkPoolWorker-1", "ForkPoolWorker-1", 0),
                ("ForkPoolWorker-2", "ForkPoolWorker-2", 1),
            }
            looped.apply(targets.suicide).end()
            names = {looped.apply(identity).end() for _ in range(200)}
        assert ("ForkPoolWorker-3", "ForkPoolWorker-3", 0) in names or (
            "ForkPoolWorker-3", "ForkPoolWorker-3", 1,
        ) in names  # fmt: skip

    def test_task_may_run_a_loop_and_processes_of_its_own(self) -> None:
        with running(1) as looped:
            assert looped.apply(run_a_loop).end() == "from the loop"
            assert looped.apply(run_a_process).end() == 5

    def test_grandchild_that_outlives_its_parent_hides_no_death(self) -> None:
        with running(1) as looped:
            grandchild = looped.apply(leave_a_fork_behind).end()
            (pid,) = looped.pool.info["processes"]
            kill(pid, signal.SIGKILL)
            until(lambda: looped.pool.info["processes"] not in ([pid], []))
            assert looped.apply(targets.add, 1).end() == 1
            kill(grandchild, signal.SIGKILL)

    def test_signals_of_its_life(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        receivers = []

        def connect(name: str, *keys: str) -> None:
            def note(sender: Any, **named: Any) -> None:
                values = [named[key] for key in keys]
                with open(log, "a") as file:
                    file.write(f"{name} {os.getpid()} {values} {sender}\n")

            getattr(signals, name).connect(note)
            receivers.append((name, note))

        connect("worker_process_init")
        connect("worker_process_shutdown", "pid", "exitcode")
        app = FakeApp()
        try:
            with running(1, initargs=(app, "worker@here")) as looped:
                pid, join_blocks, set_up = looped.apply(worker_state).end()
        finally:
            for name, receiver in receivers:
                getattr(signals, name).disconnect(receiver)
        assert log.read_text().splitlines() == [
            f"worker_process_init {pid} [] worker@here",
            f"worker_process_shutdown {pid} [{pid}, 0] worker@here",
        ]
        assert join_blocks
        assert set_up[:2] == ["current", "default"]
        assert {"init_worker_process", "log", "tracing"} <= set(set_up)

    def test_announced_before_each_start(self) -> None:
        senders: list[Any] = []

        def note(sender: Any, **_: Any) -> None:
            senders.append(sender)

        signals.worker_before_create_process.connect(note)
        try:
            with running(2) as looped:
                looped.apply(targets.suicide).end()
                until(lambda: len(looped.pool.info["processes"]) == 2)
        finally:
            signals.worker_before_create_process.disconnect(note)
        assert len(senders) == 3


# -- what is called in the children


def nap(number: int) -> int:
    time.sleep(0.004)
    return number


def hold_and_clean_up(gate: str) -> None:
    try:
        targets.hold(gate)
    finally:
        Path(f"{gate}.cleaned").touch()


def hold_and_fail_to_clean_up(gate: str) -> None:
    try:
        targets.hold(gate)
    finally:
        raise KeyError("in the clean-up")


def hold_on_stubbornly(gate: str) -> None:
    with suppress(SystemExit):
        targets.hold(gate)
    targets.hold(gate)


def identity() -> tuple[str, str, int]:
    process = billiard.current_process()
    return process.name, multiprocessing.current_process().name, process.index


def run_a_loop() -> str:
    async def main() -> str:
        await asyncio.sleep(0)
        return "from the loop"

    return asyncio.run(main())


def run_a_process() -> int | None:
    process = multiprocessing.get_context("fork").Process(target=os._exit, args=(5,))
    process.start()
    process.join()
    return process.exitcode


def leave_a_fork_behind() -> int:
    pid = os.fork()
    if not pid:
        time.sleep(600)
        os._exit(0)
    return pid


def worker_state() -> tuple[int, bool, list[str]]:
    return os.getpid(), _state.task_join_will_block(), FakeApp.set_up


class FakeApp:
    """An app that notes how a process is set up for it."""

    set_up: list[str] = []
    finalized = True
    conf = None

    @property
    def loader(self) -> FakeApp:
        return self

    @property
    def log(self) -> FakeApp:
        return self

    def set_current(self) -> None:
        self.set_up.append("current")

    def set_default(self) -> None:
        self.set_up.append("default")

    def init_worker_process(self) -> None:
        self.set_up.append("init_worker_process")

    def setup(self, *args: Any, **kwargs: Any) -> None:
        self.set_up.append("log")

    def finalize(self) -> None:
        self.set_up.append("tracing")


# -- helpers


class Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop


def kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, number)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
