"""The process that runs a pipeline: its start, the lines that pass between it and the engine, and its end."""

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


@dataclass(frozen=True, slots=True)
class Machine:
    """Where pipelines run.

    :param python: the Python that runs them unless their image has one.
    :param gcs_url: the storage emulator that their ``gs://`` paths lead to.
    :param log_dir: where their output is kept.
    :param grace: seconds between SIGTERM and SIGKILL.
    """

    python: str
    gcs_url: str
    log_dir: Path
    grace: float


class BeamProcess:
    """One process, from ``running`` until it has ended.

    :param name: of its log and of its directory, which is gone when it has ended.
    """

    def __init__(self, program: Program, machine: Machine, *, name: str, project_id: str) -> None:
        self.log = machine.log_dir / f"{name}.log"
        self._home = machine.log_dir / f"{name}.home"
        self._program = program
        self._machine = machine
        self._project_id = project_id
        self._to_child: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._to_child is not None

    def drain(self) -> None:
        """Ask the pipeline to read no more."""
        if self._to_child is not None:
            self._to_child.write(b"drain\n")

    async def lines(self) -> AsyncGenerator[tuple[str, Any]]:
        """Run the program, and pass on what it says, each with its name, until it falls silent; then end it."""
        ours, theirs = socket.socketpair()
        with ours, theirs:  # closed only when the event loop has let go of it: its number is soon another's
            try:
                self._process = await self._spawn(theirs)
                theirs.close()  # so that the process's end is the end of the lines
                reader, self._to_child = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
                self._to_child.write(json.dumps(self._program.request(str(self._home))).encode() + b"\n")
                with contextlib.suppress(ConnectionError):
                    while (line := await reader.readline()).endswith(b"\n"):
                        name, value = json.loads(line)
                        yield name, value
            finally:
                await self._end()

    async def how_it_ended(self) -> str:
        """Of a process that has ended without a word, all that is known: its exit status and its output."""
        assert self._process is not None
        status = await self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        return f"The pipeline's process {how}. Its last output:\n{_tail(self.log)}"

    def last_output(self) -> str:
        """The end of what the program has written to its standard output and error."""
        return _tail(self.log)

    async def _spawn(self, connection: socket.socket) -> asyncio.subprocess.Process:
        self._home.mkdir(parents=True, exist_ok=True)
        target = str(self._program.target)
        with self.log.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                self._program.python or self._machine.python,
                "-P",  # the directory of our program is no place to import from
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
        """A process that has said all ends by itself, one that is cancelled by a signal, one that does not end by force."""
        try:
            if self._process is not None:
                await self._end_process(self._process)
        finally:  # also when it is cancelled again, as by an emulator that stops
            if self._to_child is not None:
                self._to_child.close()
                self._to_child = None
            await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    async def _end_process(self, process: asyncio.subprocess.Process) -> None:
        try:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # we run in a task
                _signal(process, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), self._machine.grace)
        except TimeoutError:
            pass
        finally:
            _signal(process, signal.SIGKILL)  # the whole group: what the pipeline itself started ends too
            await process.wait()


def _environment(gcs_url: str, project_id: str, home: Path) -> Mapping[str, str]:
    # A pipeline of the emulator must never act with the credentials of the person who runs it.
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
