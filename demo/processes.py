"""Background programs, each in its own session, which end together with everything that they have started."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

# This variable is set for everything that a stack starts, so that a later stack in the same folder finds what an earlier one left running.
OWNER = "DATAFLOW_EXT_STACK"


class StackError(Exception):
    """A program of the stack did not start or ended early; the message contains the end of its log."""


class Program:
    """One program with its log file, which can be started, stopped, killed and started again.

    :param env: the program's complete environment.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the program, which is also its session id."""
        if self.process is None:
            raise StackError(f"{self.name} was not started")
        return self.process.pid

    def start(self) -> None:
        """Start the program and append its output to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def has_ended(self) -> bool:
        """Whether the program was started and has ended by itself."""
        process = self.process
        return process is not None and process.poll() is not None

    def check(self) -> None:
        """:raises StackError: the program was started and has ended by itself."""
        process = self.process
        if process is not None and process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise StackError(f"{self.name} ended with code {process.returncode}; its log {self.log} ends in:\n{tail}")

    def interrupt(self) -> None:
        """Send the program SIGINT, as Ctrl-C does."""
        self.signal(signal.SIGINT)

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal if it is running."""
        process = self.process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Wait until the program ends, for at most this many seconds; then kill everything that is left in its session."""
        process = self.process
        if process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(seconds, 0.1))
        self.kill()

    def kill(self) -> None:
        """Kill the program and everything in its session with SIGKILL."""
        process, self.process = self.process, None  # from now on, the program does not count as ended by itself
        if process is None:
            return
        _end([found for found in psutil.process_iter() if _session_of(found) == process.pid])
        process.wait()


def stop(programs: Sequence[Program], seconds: float = 15) -> None:
    """Interrupt all of these programs, and kill what is still running after this many seconds."""
    for program in programs:
        program.interrupt()
    deadline = time.monotonic() + seconds
    for program in programs:
        program.wait(deadline - time.monotonic())


@contextmanager
def sole_owner(home: Path) -> Iterator[None]:
    """Lock a folder for one stack, and end the programs that a killed stack left running there.

    :raises StackError: another stack that is running has locked the folder.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"another run uses {home}; end it first (Ctrl-C in its terminal)") from None
        _end_leftovers(home)
        yield


def owned_by(home: Path) -> dict[str, str]:
    """Environment variables that mark a program as belonging to the stack in this folder."""
    # Airflow's processes rename themselves. Without SPT_NOENV, the new name overwrites the environment that _end_leftovers reads.
    return {OWNER: str(home), "SPT_NOENV": "1"}


def _end_leftovers(home: Path) -> None:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # another user's process, or one that has ended
            if process.environ().get(OWNER) == str(home):
                found.append(process)
    _end(found)


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _end(processes: Sequence[psutil.Process], seconds: float = 5) -> None:
    """Kill processes, and wait until each of them is gone or a zombie."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + seconds
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
