"""The servers that tests talk to: a running one if there is one, else one of our own.

For each service, in this order: the URL in its environment variable, a server on its standard
port, a private server on a free port started from the binaries of this machine (and stopped when
the test run ends). With none of them a test is skipped, or fails if ``CI=true``.

``python tests/support/services.py install`` installs the binaries with apt where that is possible,
and says what to install where it is not.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

HOST = "127.0.0.1"
DATABASE = "celery_test"
START_TIMEOUT_S = 60.0

#: Where Debian keeps server programs that are not on everybody's path.
_EXTRA_PATH = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/lib/rabbitmq/bin",
    *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One kind of server.

    Args:
        variable: environment variable with the URL of a server to use.
        port: the standard port.
        url: makes the URL from a port.
        answers: whether a server of that kind answers at such a URL.
        program: the server's program, to look for.
        package: Debian's package of it.
        start: starts a private server on a port, from the program's path and a directory.
    """

    name: str
    variable: str
    port: int
    url: Callable[[int], str]
    answers: Callable[[str], bool]
    program: str
    package: str
    start: Callable[[str, int, Path], subprocess.Popen[bytes]]


def _start_redis(program: str, port: int, directory: Path) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    return _spawn([program, *options, "--dir", str(directory)], directory)


def _start_rabbitmq(program: str, port: int, directory: Path) -> subprocess.Popen[bytes]:
    environment = {
        "RABBITMQ_NODENAME": f"celery-test-{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
        "HOME": str(directory),
    }
    (directory / "plugins").write_text("[].\n")
    (directory / "rabbitmq.conf").write_text("loopback_users.guest = true\n")
    _own(directory, "rabbitmq")  # Debian's script drops to this user by itself
    return _spawn([program], directory, environment)


def _start_postgres(program: str, port: int, directory: Path) -> subprocess.Popen[bytes]:
    data, bin_directory = directory / "data", Path(program).parent
    user = _own(directory, "postgres")
    initdb = [bin_directory / "initdb", "-D", data, "-A", "trust", "-U", "root"]
    subprocess.run([*user, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=directory)
    options = ["-D", data, "-h", HOST, "-p", str(port), "-k", directory, "-F"]
    return _spawn([*user, program, *options], directory)


def _start_mariadb(program: str, port: int, directory: Path) -> subprocess.Popen[bytes]:
    data = directory / "data"
    data.mkdir()
    _own(directory, "mysql")
    common = ["--no-defaults", f"--datadir={data}"]
    if os.getuid() == 0:
        common.append("--user=mysql")
    install = _which("mariadb-install-db") or "mariadb-install-db"
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    where = [f"--port={port}", f"--bind-address={HOST}", f"--socket={directory / 'socket'}"]
    return _spawn([program, *common, *where], directory)


def _own(directory: Path, user: str) -> list[str]:
    """Give a directory to the server's own user, if we are root; how to run a command as it."""
    if os.getuid() != 0:
        return []
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, user, user)
    return ["runuser", "-u", user, "--"]


def _spawn(
    command: list[str | Path], directory: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with (directory / "output").open("wb") as output:
        return subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )


_GREETINGS = {
    "redis": (b"PING\r\n", (b"+PONG", b"-NOAUTH")),
    "amqp": (b"AMQP\x00\x00\x09\x01", (b"\x01",)),
}


def _greets(url: str) -> bool:
    """Whether what listens there answers the first words of its protocol."""
    parts = urlsplit(url)
    question, answers = _GREETINGS[parts.scheme]
    try:
        with socket.create_connection((parts.hostname or HOST, parts.port or 0), 2) as connection:
            connection.sendall(question)
            return connection.recv(16).startswith(answers)
    except OSError:
        return False


def _lets_in(url: str) -> bool:
    """Whether an SQL server lets us into the database of the URL, which is made if need be."""
    sqlalchemy = import_module("sqlalchemy")
    parts = sqlalchemy.make_url(url)
    admin = parts.set(database="postgres" if "postgres" in parts.drivername else "mysql")
    try:
        for candidate, statement in ((parts, "SELECT 1"), (admin, f"CREATE DATABASE {DATABASE}")):
            engine = sqlalchemy.create_engine(candidate, isolation_level="AUTOCOMMIT")
            try:
                with engine.connect() as connection:
                    connection.execute(sqlalchemy.text(statement))
                return True
            except sqlalchemy.exc.OperationalError as exc:
                if DATABASE not in str(exc.orig):  # anything else than "no such database"
                    raise
            finally:
                engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError):
        return False
    return False


SERVICES = {
    service.name: service
    for service in (
        Service(
            name="redis",
            variable="CELERY_TEST_REDIS_URL",
            port=6379,
            url=lambda port: f"redis://{HOST}:{port}",
            answers=_greets,
            program="redis-server",
            package="redis-server",
            start=_start_redis,
        ),
        Service(
            name="rabbitmq",
            variable="CELERY_TEST_RABBITMQ_URL",
            port=5672,
            url=lambda port: f"amqp://guest:guest@{HOST}:{port}",
            answers=_greets,
            program="rabbitmq-server",
            package="rabbitmq-server",
            start=_start_rabbitmq,
        ),
        Service(
            name="postgres",
            variable="CELERY_TEST_POSTGRES_URL",
            port=5432,
            url=lambda port: f"postgresql+psycopg://root@{HOST}:{port}/{DATABASE}",
            answers=_lets_in,
            program="postgres",
            package="postgresql",
            start=_start_postgres,
        ),
        Service(
            name="mariadb",
            variable="CELERY_TEST_MYSQL_URL",
            port=3306,
            url=lambda port: f"mysql+pymysql://root@{HOST}:{port}/{DATABASE}",
            answers=_lets_in,
            program="mariadbd",
            package="mariadb-server",
            start=_start_mariadb,
        ),
    )
}


class ServiceMissing(Exception):
    """There is no such server and none can be started; the text says what to install."""


@cache
def server_url(name: str) -> str:
    """The URL of a server of that kind; of Redis and RabbitMQ without database or virtual host.

    Raises:
        ServiceMissing: there is none, and none can be started.
    """
    service = SERVICES[name]
    given = os.environ.get(service.variable)
    if given:
        return given.rstrip("/")
    if service.answers(service.url(service.port)):
        return service.url(service.port)
    program = _which(service.program)
    if program is None:
        raise ServiceMissing(
            f"No {name} on port {service.port}, no {service.variable} in the environment and no "
            f"{service.program} to start. Debian: apt install {service.package}"
        )
    return service.url(_start_private(service, program))


def _start_private(service: Service, program: str) -> int:
    directory = Path(tempfile.mkdtemp(prefix=f"celery-test-{service.name}-"))
    port = _free_port()
    process = service.start(program, port, directory)
    atexit.register(_stop, process, directory)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not service.answers(service.url(port)):
        if process.poll() is not None or time.monotonic() > deadline:
            output = (directory / "output").read_text(errors="replace")
            raise ServiceMissing(f"{program} did not start on port {port}:\n{output[-2000:]}")
        time.sleep(0.1)
    return port


def _stop(process: subprocess.Popen[bytes], directory: Path) -> None:
    if process.poll() is None:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
    shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _which(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *_EXTRA_PATH]))


def install() -> int:
    """Install what is neither running nor installed. Returns the exit status."""
    missing = [
        service
        for service in SERVICES.values()
        if not os.environ.get(service.variable)
        and not service.answers(service.url(service.port))
        and _which(service.program) is None
    ]
    if not missing:
        return 0
    packages = [service.package for service in missing]
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        print(
            f"The tests need {' and '.join(service.name for service in missing)}. "
            f"Install them (Debian: sudo apt install {' '.join(packages)}), or name running "
            f"servers in {', '.join(service.variable for service in missing)}.",
            file=sys.stderr,
        )
        return 1
    print(f"Installing {' '.join(packages)} ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update", "-q"], ["install", "-yq", "--no-install-recommends", *packages]):
        subprocess.run(
            ["apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL
        )
    return 0


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        raise SystemExit(__doc__)
    raise SystemExit(install())
