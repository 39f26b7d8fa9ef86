"""Which user and group the process runs as."""

import os
import warnings
from collections.abc import Container
from typing import Final

from celery.exceptions import SecurityError, SecurityWarning
from celery.local import try_import
from celery.platforms.system import IS_WINDOWS

__all__ = (
    "check_privileges",
    "initgroups",
    "maybe_drop_privileges",
    "parse_gid",
    "parse_uid",
    "setgid",
    "setgroups",
    "setuid",
)

grp = try_import("grp")
pwd = try_import("pwd")

#: Names under which pickle is accepted.
_PICKLE: Final = (
    "pickle",
    "application/x-python-serialize",
    "application/group-python-serialize",
)
#: Groups whose members can become root.
_ADMINISTRATORS: Final = frozenset({"sudo", "wheel"})


def parse_uid(uid: str | int) -> int:
    """Return the id of a user, given by name or id.

    Raises:
        KeyError: There is no such user.
    """
    try:
        return int(uid)
    except ValueError:
        try:
            return int(pwd.getpwnam(uid).pw_uid)
        except (AttributeError, KeyError):
            raise KeyError(f"User does not exist: {uid}") from None


def parse_gid(gid: str | int) -> int:
    """Return the id of a group, given by name or id.

    Raises:
        KeyError: There is no such group.
    """
    try:
        return int(gid)
    except ValueError:
        try:
            return int(grp.getgrnam(gid).gr_gid)
        except (AttributeError, KeyError):
            raise KeyError(f"Group does not exist: {gid}") from None


def setgroups(groups: list[int]) -> None:
    """Set the supplementary groups of the process."""
    os.setgroups(groups)


def initgroups(uid: int, gid: int) -> None:
    """Set the supplementary groups to those of the user `uid`, and `gid`."""
    os.initgroups(pwd.getpwuid(uid).pw_name, gid)


def setgid(gid: str | int) -> None:
    """Become a member of the group `gid`."""
    os.setgid(parse_gid(gid))


def setuid(uid: str | int) -> None:
    """Become the user `uid`."""
    os.setuid(parse_uid(uid))


def maybe_drop_privileges(uid: str | int | None = None, gid: str | int | None = None) -> None:
    """Become the user `uid` and a member of the group `gid`, where these are given.

    A user without a group brings the own primary and supplementary groups.

    Raises:
        KeyError: There is no such user or group.
        PermissionError: The process may not change.
        SecurityError: The process could become root again.
    """
    if IS_WINDOWS:
        return
    user = parse_uid(uid) if uid else None
    group = parse_gid(gid) if gid else None
    if user is None:
        if group is not None:
            setgid(group)
        return
    if group is None:
        group = int(pwd.getpwuid(user).pw_gid)
    if os.geteuid() != 0 and (os.getuid(), os.getgid()) == (user, group):
        return
    setgid(group)
    initgroups(user, group)
    setuid(user)
    if user != 0:
        _ensure_not_root_again()


def _ensure_not_root_again() -> None:
    """Raise :exc:`SecurityError` if this process, which was root, can become it again."""
    try:
        setuid(0)
    except PermissionError:
        return
    raise SecurityError("Still root after setuid: the process can regain its privileges")


def check_privileges(accept_content: Container[str]) -> None:
    """Refuse to go on when root would unpickle messages; warn when it is root at all.

    ``C_FORCE_ROOT`` in the environment turns the refusal into the warning.

    Args:
        accept_content: The serializers that are accepted.

    Raises:
        SecurityError: Whoever can write to the broker could do anything on this machine.
    """
    if IS_WINDOWS:
        return
    uid, euid, gid, egid = os.getuid(), os.geteuid(), os.getgid(), os.getegid()
    if not (uid == 0 or euid == 0 or _is_administrator(gid) or _is_administrator(egid)):
        return
    who = f"User information: uid={uid} euid={euid} gid={gid} egid={egid}"
    pickle = any(name in accept_content for name in _PICKLE)
    if pickle and not os.environ.get("C_FORCE_ROOT"):
        raise SecurityError(
            "Running a worker with superuser privileges when the worker accepts messages "
            "serialized with pickle lets whoever can write to the broker take over this machine."
            "\n\nUse another user (the --uid option) or another serializer. To go on all the "
            f"same, set the C_FORCE_ROOT environment variable.\n\n{who}\n"
        )
    warnings.warn(
        "You're running the worker with superuser privileges: this is absolutely not "
        f"recommended!\n\nPlease specify a different user using the --uid option.\n\n{who}\n",
        SecurityWarning,
        stacklevel=2,
    )


def _is_administrator(gid: int) -> bool:
    """Say whether the members of the group can become root, or nothing is known of it."""
    try:
        name: str = grp.getgrgid(gid).gr_name
    except KeyError:
        warnings.warn(
            f"The group id {gid} has no entry in the group database. It is taken to be a "
            "privileged one.\n",
            SecurityWarning,
            stacklevel=3,
        )
        return True
    return name in _ADMINISTRATORS
