"""PostgreSQL and Redis as programs of a stack, each on a free port of this machine; says what has to be installed where one is missing."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from demo.processes import Program, StackError
from demo.stack import free_port

HOST = "127.0.0.1"
USER = "postgres"
"""Who runs PostgreSQL where this program is root, whom PostgreSQL refuses; Debian's package makes the account."""

UP_WITHIN = 60.0
"""Seconds in which a service has to answer."""


class NotInstalledError(StackError):
    """A program that a stack needs is not on this machine."""


class Postgres:
    """A PostgreSQL cluster of its own in a temporary folder.

    It is safe against the end of its processes, and not against that of the machine: it does not wait for the disk.

    :param home: of the stack; the same one gives the same folder, so that what a killed run left is found.
    :param env: environment of the programs.
    :raises NotInstalledError: PostgreSQL is not installed.
    """

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        mark = hashlib.sha256(str(home).encode()).hexdigest()[:10]
        self.folder = Path(tempfile.gettempdir()) / f"dataflow-ext-postgres-{mark}"
        self.port = free_port()
        self.url = f"postgresql+psycopg2://{USER}@{HOST}:{self.port}/{USER}"
        self._env = dict(env)
        settings = {
            "port": self.port,
            "listen_addresses": HOST,
            "unix_socket_directories": self.folder,
            "max_connections": 400,
            "fsync": "off",
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        data = str(self.folder / "data")
        self._make = [*_as_owner(), _binary("initdb"), "-D", data, "-U", USER, "--auth=trust", "--no-sync", "--encoding=UTF8"]
        self.program = Program(
            "postgres", [*_as_owner(), _binary("postgres"), "-D", data, *flags], env=env, log=home / "logs" / "postgres.log"
        )

    def start(self) -> None:
        """Make the cluster and start it.

        :raises StackError: it does not come up.
        """
        self.remove()
        self.folder.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self.folder, USER)
        made = subprocess.run(self._make, capture_output=True, text=True, env=self._env, cwd=tempfile.gettempdir(), check=False)
        if made.returncode:
            raise StackError(f"PostgreSQL made no cluster in {self.folder}: {made.stderr.strip()}")
        self.program.start()
        wait_for_port(self.program, self.port)

    def stop_at_once(self) -> None:
        """Stop it as ``pg_ctl stop --mode immediate`` does: no connection is ended in order, and the next start recovers."""
        self.program.signal(signal.SIGQUIT)
        self.program.wait(30)

    def remove(self) -> None:
        """Remove the cluster's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def redis(home: Path, port: int, env: Mapping[str, str]) -> Program:
    """A Redis that keeps nothing: what waits in it is lost with it.

    :raises NotInstalledError: Redis is not installed.
    """
    found = shutil.which("redis-server")
    if found is None:
        raise NotInstalledError("There is no redis-server here; Debian's package has it: apt-get install redis-server")
    settings = {"port": port, "bind": HOST, "save": "", "appendonly": "no", "dir": home / "data", "set-proc-title": "no"}
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    return Program("redis", [found, *flags], env=env, log=home / "logs" / "redis.log")


def wait_for_port(program: Program, port: int) -> None:
    """Wait until a program listens.

    :raises StackError: it ended, or it does not listen in time.
    """
    deadline = time.monotonic() + UP_WITHIN
    while True:
        program.check()
        with socket.socket() as probe:
            if not probe.connect_ex((HOST, port)):
                return
        if time.monotonic() > deadline:
            raise StackError(f"{program.name} does not listen on {HOST}:{port}; its log is {program.log}")
        time.sleep(0.1)


def _as_owner() -> list[str]:
    """What starts a program as the account that owns the cluster."""
    if os.getuid():
        return []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        raise NotInstalledError(f"There is no account {USER} here; Debian's package makes it: apt-get install postgresql") from None
    return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"]


def _binary(name: str) -> str:
    """The newest PostgreSQL's program of this name.

    :raises NotInstalledError: there is none.
    """
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise NotInstalledError("There is no PostgreSQL here; Debian's package has it: apt-get install postgresql")
    return found
