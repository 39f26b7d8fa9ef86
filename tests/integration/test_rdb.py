import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from billiard.process import current_process

from celery.contrib import rdb
from celery.contrib.rdb import Rdb

PROMPT = "(Pdb) "


class Client(threading.Thread):
    """Connects where the debugger says, and answers each prompt with the next command.

    After the last command it goes away without a word.
    """

    def __init__(self, commands: list[str]) -> None:
        super().__init__(daemon=True)
        self.commands = commands
        self.shown: list[str] = []
        self.said = io.StringIO()
        self.address: tuple[str, int] | None = None
        self.ready = threading.Event()
        self.start()

    def write(self, text: str) -> int:
        match = re.search(r"telnet (\S+) (\d+)", text)
        if match:
            self.address = (match[1], int(match[2]))
            self.ready.set()
        return self.said.write(text)

    def flush(self) -> None: ...

    def run(self) -> None:
        assert self.ready.wait(10)
        assert self.address is not None
        with (
            closing(socket.create_connection(self.address, timeout=10)) as connection,
            connection.makefile("rw", encoding="utf-8") as stream,
        ):
            for command in self.commands:
                self.shown.append(self._until_prompt(stream))
                stream.write(f"{command}\r\n")
                stream.flush()
            self.shown.append(self._until_prompt(stream))

    def _until_prompt(self, stream: io.TextIOBase) -> str:
        text = ""
        while not text.endswith(PROMPT):
            character = stream.read(1)
            if not character:
                break
            text += character
        return text.removesuffix(PROMPT)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    """Starts a client of the debugger that `set_trace` will start."""
    clients: list[Client] = []

    def start(*commands: str) -> Client:
        client = Client(list(commands))
        monkeypatch.setattr(rdb, "debugger", lambda: Rdb(port=free_port(), out=client))
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.join(10)
        assert not client.is_alive()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def work(x: int) -> int:
    y = x + 1
    rdb.set_trace()
    z = y * 2
    return z


def test_session(session: Callable[..., Client]) -> None:
    client = session("p y", "next", "!z = 40", "p 'é'", "c")
    assert work(4) == 40
    client.join(10)
    assert "z = y * 2" in client.shown[0]
    assert client.shown[1].strip() == "5"
    assert "return z" in client.shown[2]
    assert client.shown[4].strip() == "'é'"
    assert "Type `exit` in session to continue" in client.said.getvalue()
    assert "Now in session with 127.0.0.1:" in client.said.getvalue()
    assert " ended." in client.said.getvalue()


@pytest.mark.parametrize("leave", ["q", "exit", "quit", "continue", "EOF"])
def test_leaving_does_not_end_the_task(session: Callable[..., Client], leave: str) -> None:
    session("p y", leave)
    assert work(1) == 4


def test_client_that_goes_away(session: Callable[..., Client]) -> None:
    session("next")
    assert work(1) == 4
    session()
    assert work(2) == 6


def test_breakpoint_keeps_the_session(session: Callable[..., Client]) -> None:
    def twice() -> int:
        first = work(1)
        second = first + 1
        return second

    line = twice.__code__.co_firstlineno + 2
    client = session(f"b {__file__}:{line}", "c", "p first", "q")
    assert twice() == 5
    client.join(10)
    assert "second = first + 1" in client.shown[2]
    assert client.shown[3].strip() == "4"


def test_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="CELERY_RDB_PORT"):
            Rdb(port=port, port_search_limit=1)
    monkeypatch.setattr(current_process(), "index", 3, raising=False)
    client = Client(["c"])
    with Rdb(port=port, port_search_limit=200, out=client) as debugger:
        assert debugger.port >= port + 3
        debugger.set_trace()
    client.join(10)
    assert not debugger.active


def test_one_session_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = iter([Client([]), Client([])])
    monkeypatch.setattr(rdb, "_current", None)
    monkeypatch.setattr(rdb, "Rdb", lambda: Rdb(port=free_port(), out=next(clients)))
    first = rdb.debugger()
    assert rdb.debugger() is first
    with first:
        pass
    with rdb.debugger() as second:
        assert second is not first
