"""Which user the process runs as; each case in a child, as it cannot be undone."""

import os
import sys
import warnings
from collections.abc import Callable

import pytest

from celery.exceptions import SecurityError, SecurityWarning
from celery.platforms import check_privileges, maybe_drop_privileges, parse_gid, parse_uid

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX users")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def in_child(function: Callable[[], object]) -> None:
    """Run `function` in a forked process; it must not raise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads around
        pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException as exc:
            os.write(2, f"in child: {exc!r}\n".encode())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_parse() -> None:
    assert parse_uid("root") == parse_uid("0") == parse_uid(0) == 0
    assert parse_gid(5) == parse_gid("5") == 5
    with pytest.raises(KeyError, match="User does not exist: no-such-user"):
        parse_uid("no-such-user")
    with pytest.raises(KeyError, match="Group does not exist: no-such-group"):
        parse_gid("no-such-group")


@as_root
def test_a_user_brings_the_own_groups_and_cannot_go_back() -> None:
    def drop() -> None:
        maybe_drop_privileges(uid="nobody")
        assert os.getuid() == parse_uid("nobody") != 0
        assert os.getgid() == parse_gid("nogroup")
        assert 0 not in os.getgroups()
        with pytest.raises(PermissionError):
            os.setuid(0)
        maybe_drop_privileges(uid="nobody")  # already so

    in_child(drop)


@as_root
def test_a_group_alone() -> None:
    def drop() -> None:
        maybe_drop_privileges(gid="daemon")
        assert (os.getuid(), os.getgid()) == (0, parse_gid("daemon"))

    in_child(drop)


def test_nothing_given_changes_nothing() -> None:
    before = os.getuid(), os.getgid()
    maybe_drop_privileges()
    assert (os.getuid(), os.getgid()) == before


@as_root
def test_root_must_not_unpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("C_FORCE_ROOT", raising=False)
    with pytest.warns(SecurityWarning, match="superuser"):
        check_privileges(["json"])
    for name in ("pickle", "application/x-python-serialize"):
        with pytest.raises(SecurityError, match="C_FORCE_ROOT"):
            check_privileges({name, "json"})

    monkeypatch.setenv("C_FORCE_ROOT", "1")
    with pytest.warns(SecurityWarning):
        check_privileges(["pickle"])


@as_root
def test_anybody_else_may() -> None:
    def check() -> None:
        os.setgroups([])
        os.setgid(parse_gid("nogroup"))
        os.setuid(parse_uid("nobody"))
        warnings.simplefilter("error")
        check_privileges(["pickle"])

    in_child(check)


@as_root
def test_a_group_without_a_name_is_taken_to_be_privileged() -> None:
    def check() -> None:
        os.setgroups([])
        os.setgid(54321)
        os.setuid(parse_uid("nobody"))
        os.environ.pop("C_FORCE_ROOT", None)
        with pytest.warns(SecurityWarning, match="54321"), pytest.raises(SecurityError):
            check_privileges(["pickle"])

    in_child(check)
