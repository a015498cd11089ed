"""The process that runs a pipeline: its start, the messages between it and the engine, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.emulator.engines.beam_program import Program

_CHILD = Path(__file__).parent / "beam_child" / "__main__.py"
_LONGEST_LINE = 64 * 1024 * 1024
TAIL_LINES = 30
_HOME = ".home"
"""What the name of a pipeline's directory ends with."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What all pipelines use on this machine.

    :param python: the Python that runs pipelines whose image has none.
    :param gcs_url: URL of the storage emulator that serves their ``gs://`` paths.
    :param log_dir: directory for their output.
    :param grace: seconds between SIGTERM and SIGKILL.
    """

    python: str
    gcs_url: str
    log_dir: Path
    grace: float

    def clean_up(self) -> None:
        """Delete the directories of pipelines that an engine has left because it was killed."""
        for home in self.log_dir.glob(f"*{_HOME}"):
            shutil.rmtree(home, ignore_errors=True)


class BeamProcess:
    """The process of one pipeline.

    :param name: name of its log and of its directory, which is deleted at its end.
    """

    def __init__(self, program: Program, machine: Machine, *, name: str, project_id: str) -> None:
        self.log = machine.log_dir / f"{name}.log"
        self._home = machine.log_dir / f"{name}{_HOME}"
        self._program = program
        self._machine = machine
        self._project_id = project_id
        self._to_child: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._to_child is not None

    def drain(self) -> None:
        """Ask the pipeline to stop reading."""
        if self._to_child is not None:
            self._to_child.write(b"drain\n")

    async def lines(self) -> AsyncGenerator[tuple[str, Any]]:
        """Run the program, yield the name and value of each of its messages until it closes the connection, and then end it."""
        ours, theirs = socket.socketpair()
        with ours, theirs:  # closed only after the event loop has released it, because its file descriptor is soon reused
            try:
                self._process = await self._spawn(theirs)
                theirs.close()  # so that the lines end when the process ends
                reader, self._to_child = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
                self._to_child.write(json.dumps(self._program.request(str(self._home))).encode() + b"\n")
                with contextlib.suppress(ConnectionError):
                    while (line := await reader.readline()).endswith(b"\n"):
                        name, value = json.loads(line)
                        yield name, value
            finally:
                await self._end()

    async def how_it_ended(self) -> str:
        """The exit status and output of a process that has ended without reporting ``done`` or ``failed``."""
        assert self._process is not None
        status = await self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        return f"The pipeline's process {how}. Its last output:\n{_tail(self.log)}"

    def last_output(self) -> str:
        """The last lines of the program's standard output and error."""
        return _tail(self.log)

    async def _spawn(self, connection: socket.socket) -> asyncio.subprocess.Process:
        self._home.mkdir(parents=True, exist_ok=True)
        target = str(self._program.target)
        with self.log.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                self._program.python or self._machine.python,
                "-P",  # do not import from the directory of our program
                str(_CHILD),
                str(connection.fileno()),
                pass_fds=(connection.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=Path(target).parent if target.endswith(".py") else self._home,
                env=_environment(self._machine.gcs_url, self._project_id, self._home),
                start_new_session=True,
            )

    async def _end(self) -> None:
        """Let the process end by itself, or with SIGTERM if it is cancelled; kill it if it does not end in time."""
        try:
            if self._process is not None:
                await self._end_process(self._process)
        finally:  # also if the task is cancelled again, for example because the emulator stops
            if self._to_child is not None:
                self._to_child.close()
                self._to_child = None
            await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    async def _end_process(self, process: asyncio.subprocess.Process) -> None:
        try:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # always in a task
                _signal(process, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), self._machine.grace)
        except TimeoutError:
            pass
        finally:
            _signal(process, signal.SIGKILL)  # the whole group, because the pipeline may have started processes
            await process.wait()


def _environment(gcs_url: str, project_id: str, home: Path) -> Mapping[str, str]:
    # A pipeline must never use the credentials of the user who runs the emulator.
    env = {name: value for name, value in os.environ.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    no_proxy = ",".join(filter(None, (env.get("NO_PROXY") or env.get("no_proxy"), "127.0.0.1,localhost")))
    env |= {"NO_PROXY": no_proxy, "no_proxy": no_proxy, "NO_GCE_CHECK": "true", "PYTHONUNBUFFERED": "1", "TMPDIR": str(home)}
    return env | {"STORAGE_EMULATOR_HOST": gcs_url, "GOOGLE_CLOUD_PROJECT": project_id}


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
