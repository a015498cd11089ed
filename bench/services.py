"""PostgreSQL and Redis as programs of a stack, each on a free port of this machine."""

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
"""The account that runs PostgreSQL if this program runs as root, as which PostgreSQL refuses to start; Debian's package creates it."""

UP_WITHIN = 60.0
"""Seconds within which a service must answer."""


class NotInstalledError(StackError):
    """A program that a stack needs is not installed; the message says how to install it."""


class Postgres:
    """A PostgreSQL cluster in a temporary folder.

    It survives the end of its processes but not a crash of the machine, because it does not wait for the disk.

    :param home: the folder of the stack. The name of the cluster's folder depends on it, so that a later run finds the cluster of a
        killed one.
    :param env: the environment of the programs.
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
        """Create the cluster and start it.

        :raises StackError: PostgreSQL does not start.
        """
        self.remove()
        self.folder.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self.folder, USER)
        made = subprocess.run(self._make, capture_output=True, text=True, env=self._env, cwd=tempfile.gettempdir(), check=False)
        if made.returncode:
            raise StackError(f"PostgreSQL cannot create a cluster in {self.folder}: {made.stderr.strip()}")
        self.program.start()
        wait_for_port(self.program, self.port)

    def stop_at_once(self) -> None:
        """Stop PostgreSQL as ``pg_ctl stop --mode immediate`` does: connections break, and the next start recovers the database."""
        self.program.signal(signal.SIGQUIT)
        self.program.wait(30)

    def remove(self) -> None:
        """Remove the cluster's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def redis(home: Path, port: int, env: Mapping[str, str]) -> Program:
    """A Redis without persistence: tasks that are queued in it are lost when it ends.

    :raises NotInstalledError: Redis is not installed.
    """
    found = shutil.which("redis-server")
    if found is None:
        raise NotInstalledError("redis-server is not installed; on Debian: apt-get install redis-server")
    settings = {"port": port, "bind": HOST, "save": "", "appendonly": "no", "dir": home / "data", "set-proc-title": "no"}
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    return Program("redis", [found, *flags], env=env, log=home / "logs" / "redis.log")


def wait_for_port(program: Program, port: int) -> None:
    """Wait until a program listens on its port.

    :raises StackError: the program ended, or does not listen in time.
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
    """The keyword arguments of ``subprocess`` that start a program as the account that owns the cluster."""
    if os.getuid():
        return []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        raise NotInstalledError(f"There is no account {USER}; Debian's package creates it: apt-get install postgresql") from None
    return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"]


def _binary(name: str) -> str:
    """The path of a program of the newest installed PostgreSQL.

    :raises NotInstalledError: PostgreSQL is not installed.
    """
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise NotInstalledError("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    return found
