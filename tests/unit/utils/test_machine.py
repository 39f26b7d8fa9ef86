"""Terminal, machine, and looking into the process."""

import io
import os
import threading
from pathlib import Path

import pytest

from celery.utils import debug, sysinfo
from celery.utils.sysinfo import (
    available_cpu_count,
    cgroup_cpu_quota,
    cpu_budget,
    df,
    is_auto_concurrency,
    load_average,
)
from celery.utils.term import colored, imgcat, supports_images


class TestColored:
    def test_colours(self) -> None:
        c = colored(enabled=True)
        assert str(c.red("x")) == "\x1b[1;31mx\x1b[0m"
        assert str(c.iblue("x")) == "\x1b[1;44mx\x1b[0m"
        assert str(c.bold("a", " ", c.green("b"))) == "\x1b[1ma \x1b[1;32mb\x1b[0m\x1b[0m"
        assert c.red("x") + c.green("y") == "\x1b[1;31mx\x1b[0m\x1b[1;32my\x1b[0m"
        assert [str(method(".")) for method in (c.underline, c.blink, c.reverse, c.bright)] == [
            f"\x1b[{n}m.\x1b[0m" for n in (4, 5, 7, 8)
        ]
        assert str(c.reset("x")) == "\x1b[0mx\x1b[0m"
        assert str(c.names["cyan"]("x")) == str(c.cyan("x"))
        assert str(c) == ""

    def test_without(self) -> None:
        c = colored(enabled=False)
        assert str(c.red("x", c.bold(5))) == "x5"
        assert colored(colored(enabled=True).red("x"), "y").no_color() == "xy"
        assert repr(c.red("x")) == "'x'"

    def test_pictures(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ITERM_PROFILE", raising=False)
        assert not supports_images()
        (tmp_path / "x.png").write_bytes(b"abc")
        text = imgcat(str(tmp_path / "x.png"), width=3)
        assert text == "\x1b]1337;File=inline=1;preserveAspectRatio=0;width=3:YWJj\x07"


class TestSysinfo:
    def test_load_and_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert len(load_average()) == 3
        monkeypatch.setattr(os, "getloadavg", lambda: (_ for _ in ()).throw(OSError))
        assert load_average() == (0, 0, 0)
        disk = df("/")
        assert 0 <= disk.capacity <= 100
        assert disk.available <= disk.total_blocks

    def test_auto(self) -> None:
        values = ("auto", " AUTO ", 1, None, "4")
        assert [is_auto_concurrency(value) for value in values] == [True, True, *[False] * 3]

    @pytest.mark.parametrize(
        ("membership", "files", "expected"),
        [
            ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n"}, 1.5),
            ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, 0.5),
            ("0::/\n", {"cpu.max": "200000 100000"}, 2.0),
            ("0::/a\n", {}, None),
            (
                "4:cpu,cpuacct:/x\n3:memory:/x\n",
                {"cpu/x/cpu.cfs_quota_us": "300000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
                3.0,
            ),
            (
                "4:cpu,cpuacct:/x\n",
                {"cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
                None,
            ),
        ],
    )
    def test_limits_of_containers(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        membership: str,
        files: dict[str, str],
        expected: float | None,
    ) -> None:
        root = tmp_path / "cgroup"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (tmp_path / "self").write_text(membership)
        monkeypatch.setattr(sysinfo, "CGROUP_ROOT", root)
        monkeypatch.setattr(sysinfo, "PROC_SELF_CGROUP", tmp_path / "self")
        assert cgroup_cpu_quota() == expected

    def test_budget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sysinfo, "available_cpu_count", lambda: 8)
        monkeypatch.setattr(sysinfo, "cgroup_cpu_quota", lambda: 1.5)
        assert cpu_budget() == (2, 8, 1.5)
        assert cpu_budget(use_cgroup_quota=False) == (8, 8, None)
        assert available_cpu_count() >= 1


class TestDebug:
    @pytest.mark.parametrize(
        ("amount", "expected"),
        [(0, "0b"), (1023, "1023b"), (1536, "1.5KB"), (10**6, "976.56KB"), (5e13, "45.475TB")],
    )
    def test_humanbytes(self, amount: float, expected: str) -> None:
        assert debug.humanbytes(amount) == expected

    def test_sample(self) -> None:
        assert list(debug.sample(range(100), 10)) == list(range(0, 100, 10))
        assert list(debug.sample(range(5), 10)) == [0, 1, 2, 3, 4]

    def test_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(debug, "mem_rss", lambda: "1MB")
        assert debug.sample_mem() == "1MB"
        out = io.StringIO()
        debug.memdump(file=out)
        assert out.getvalue() == "- rss (sample):\n-    > 1MB,\n- rss (end): 1MB.\n"
        monkeypatch.setattr(debug, "mem_rss", lambda: None)
        debug.memdump(file=out)
        assert out.getvalue().endswith("(psutil not installed).\n")

    def test_cry(self) -> None:
        a_local_variable = 3
        text = debug.cry()
        assert text is not None
        assert threading.current_thread().name in text
        assert f"'a_local_variable': {a_local_variable}" not in text  # that of cry() itself
        assert "test_cry" in text

    def test_blocking(self) -> None:
        with debug.blockdetection(None):
            pass
        with debug.blockdetection(60):
            pass
        with (
            pytest.raises(RuntimeError, match="Blocking detection timed-out at: File"),
            debug.blockdetection(0.01),
        ):
            threading.Event().wait(5)
