"""What the machine has: load, free disk space, and processors this process may use."""

import os
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = (
    "AUTO_CONCURRENCY",
    "CpuBudget",
    "available_cpu_count",
    "cgroup_cpu_quota",
    "cpu_budget",
    "df",
    "is_auto_concurrency",
    "load_average",
)

#: Value of ``worker_concurrency`` that asks for :func:`cpu_budget`.
AUTO_CONCURRENCY: Final = "auto"

CGROUP_ROOT = Path("/sys/fs/cgroup")
PROC_SELF_CGROUP = Path("/proc/self/cgroup")


def load_average() -> tuple[float, float, float]:
    """Return the load averages of the last 1, 5 and 15 minutes; zeros where there are none."""
    try:
        one, five, fifteen = os.getloadavg()
    except (AttributeError, OSError):
        return 0.0, 0.0, 0.0
    return round(one, 2), round(five, 2), round(fifteen, 2)


class df:
    """Disk usage of the file system `path` is on, in blocks and per cent."""

    def __init__(self, path: str | bytes | os.PathLike[Any]) -> None:
        self.path = path

    @cached_property
    def stat(self) -> os.statvfs_result:
        """What the system says, asked once."""
        return os.statvfs(self.path)

    @property
    def total_blocks(self) -> float:
        """Size, in KiB."""
        return self.stat.f_blocks * self.stat.f_frsize / 1024

    @property
    def available(self) -> float:
        """Free for anyone, in KiB."""
        return self.stat.f_bavail * self.stat.f_frsize / 1024

    @property
    def capacity(self) -> int:
        """How full it is, in per cent of what anyone may use."""
        used = self.stat.f_blocks - self.stat.f_bfree
        return ceil(100 * used / (used + self.stat.f_bavail))


class CpuBudget(NamedTuple):
    """How many processes it makes sense to run, and the facts behind it."""

    count: int  # type: ignore[assignment]  # tuple has a method of that name
    available: int
    quota: float | None


def is_auto_concurrency(value: Any) -> bool:
    """Say whether `value` is ``"auto"``, in any case and with any blanks around."""
    return isinstance(value, str) and value.strip().lower() == AUTO_CONCURRENCY


def available_cpu_count() -> int:
    """Return the number of processors this process may be scheduled on, at least 1."""
    try:
        return len(os.sched_getaffinity(0)) or 1
    except AttributeError:  # only Linux has affinities
        return os.cpu_count() or 1


def cgroup_cpu_quota() -> float | None:
    """Return how many processors the control groups of this process grant; ``None``: no limit.

    Understands version 2 and version 1 of Linux control groups; the tightest limit among the
    process's group and its ancestors counts.
    """
    quotas = [
        quota
        for line in _read(PROC_SELF_CGROUP).splitlines()
        for quota in _quotas_of_membership(*line.split(":", 2))
    ]
    return min(quotas, default=None)


def cpu_budget(use_cgroup_quota: bool = True) -> CpuBudget:
    """Return the number of processes worth running here.

    Args:
        use_cgroup_quota: Heed the CPU limit of the container.
    """
    available = available_cpu_count()
    quota = cgroup_cpu_quota() if use_cgroup_quota else None
    count = available if quota is None else min(available, max(1, ceil(quota)))
    return CpuBudget(count, available, quota)


def _read(path: Path) -> str:
    """Return what is in a file of the kernel, nothing if it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _quotas_of_membership(hierarchy: str, controllers: str, group: str) -> list[float]:
    """Return the limits one line of ``/proc/self/cgroup`` leads to."""
    if hierarchy == "0":
        base, files = CGROUP_ROOT, ["cpu.max"]
    elif "cpu" in controllers.split(","):
        base, files = CGROUP_ROOT / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
    else:
        return []
    own = base / group.strip("/")
    # In a container the path is the host's: only the root of the hierarchy can be seen.
    ancestors = [own, *own.parents] if own.is_relative_to(base) else []
    found = [
        _parse_quota(" ".join(_read(directory / name).strip() for name in files))
        for directory in ancestors
        if directory.is_relative_to(base)
    ]
    return [quota for quota in found if quota is not None]


def _parse_quota(text: str) -> float | None:
    """Return the share ``"quota period"`` grants; ``None`` if it grants all or says nothing."""
    try:
        quota, period = (int(word) for word in text.split())
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None
