"""The engine that runs templates for real: the life of the processes that run their programs."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.api.dataflow import states
from airflow_dataflow_ext.emulator.engines.beam_program import Program, program_of
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Report, Work

_CHILD = Path(__file__).parent / "beam_child" / "__main__.py"
_LONGEST_LINE = 64 * 1024 * 1024
_TAIL_LINES = 30
_EXTRA = "pip install 'airflow-dataflow-ext[emulator]'"


class BeamEngine:
    """Runs Flex templates, Beam YAML and the classic Word_Count with Beam's in-process runner, each job in a process of its own.

    A Flex template runs the Python file that ``images`` gives for the image of its container spec; a classic template runs the file that
    ``images`` gives for its ``gs://`` path. The launch's parameters become the file's ``--name=value`` options.

    :param images: image, or path of a classic template -> path of a Python pipeline file.
    :param gcs_url: the storage emulator that the pipelines' ``gs://`` paths lead to.
    :param log_dir: where each run's output is kept, ``<job id>.log``.
    :param python: the Python that runs pipelines; it needs apache-beam[gcp], and not this package.
    :param max_running: how many pipelines run at a time; other jobs wait in JOB_STATE_QUEUED (Flex) or JOB_STATE_PENDING.
    :param grace: seconds that a cancelled pipeline has between SIGTERM and SIGKILL.

    What it plays: https://cloud.google.com/dataflow/docs/concepts/dataflow-templates
    """

    name = "beam"

    def __init__(
        self,
        images: Mapping[str, str],
        gcs_url: str,
        log_dir: str | Path,
        *,
        python: str = sys.executable,
        max_running: int = 2,
        grace: float = 3.0,
    ) -> None:
        self._images = images
        self._place = _Place(python, gcs_url, Path(log_dir), grace)
        self._slots = asyncio.Semaphore(max_running)
        self._runs: dict[str, tuple[_Run, asyncio.Task[None]]] = {}

    def start(self, work: Work, report: Report) -> None:
        """Begin the job, and return at once.

        :raises RefusedError: apache-beam is missing, or it is a classic template or a job graph that this engine has no program for.
        """
        program = program_of(work, self._images)
        if self._place.python == sys.executable and importlib.util.find_spec("apache_beam") is None:
            raise RefusedError(f"This emulator runs pipelines only where apache-beam is installed: {_EXTRA}.", code="FAILED_PRECONDITION")
        run = _Run(work, report, program, self._place, self._slots)
        task = asyncio.get_running_loop().create_task(run.live(), name=f"beam {work.job_id}")
        self._runs[work.job_id] = run, task
        task.add_done_callback(lambda done: self._ended(work.job_id, done))

    def stop(self, job_id: str, *, drain: bool) -> None:
        """Cancel or drain a job; one that has ended is left alone.

        A cancelled pipeline's process is ended. A drained one reads no more, closes its windows and ends by itself.
        """
        if job_id not in self._runs:
            return
        run, task = self._runs[job_id]
        if drain and run.drain():
            return
        run.cancelled = True
        task.cancel()

    async def close(self) -> None:
        """End every process that still runs, and report nothing more."""
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        run, _ = self._runs.pop(job_id)
        if task.cancelled():
            if run.cancelled:  # by a person, and not because the emulator closes
                run.finish(states.CANCELLED)
        elif error := task.exception():
            run.finish(states.FAILED, error=f"Workflow failed. Causes: {type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class _Place:
    python: str
    gcs_url: str
    log_dir: Path
    grace: float


class _Run:
    """One job, from its start to its end."""

    def __init__(self, work: Work, report: Report, program: Program, place: _Place, slots: asyncio.Semaphore) -> None:
        self.cancelled = False
        self._work = work
        self._report = report
        self._program = program
        self._place = place
        self._slots = slots
        self._log = place.log_dir / f"{work.job_id}.log"
        self._to_child: asyncio.StreamWriter | None = None
        self._drained = False
        self._workers = 0

    def drain(self) -> bool:
        """Ask the pipeline to read no more; False where no process runs yet."""
        if self._to_child is None:
            return False
        self._drained = True
        self._to_child.write(b"drain\n")
        return True

    async def live(self) -> None:
        """Run to the end, and report it; of a cancelled task the engine reports it."""
        self._report.state("JOB_STATE_QUEUED" if self._work.kind == "flex" else "JOB_STATE_PENDING")
        if self._program.target is None:
            self.finish(states.FAILED, error=f"Error occurred in the launcher container: Template launch failed: {self._program.why}")
            return
        async with self._slots:
            end = await self._run()
        self.finish(end)

    def finish(self, state: str, *, error: str = "") -> None:
        if error:
            self._error(error)
        if self._workers:
            self._report.message("Cleaning up.", "JOB_MESSAGE_DETAILED")
            self._report.message("Stopping worker pool...")
            self._report.autoscaling("CURRENT_NUM_WORKERS_CHANGED", "Worker pool stopped.", current=0, target=0)
            self._report.message("Worker pool stopped.")
        self._report.state(state)

    async def _run(self) -> str:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = await self._spawn(theirs)
            theirs.close()  # so that the process's end is the end of the lines
            try:
                reader, self._to_child = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
                order = {"target": self._program.target, "arguments": self._program.arguments}
                self._to_child.write(json.dumps(order).encode() + b"\n")
                return await self._follow(reader) or await self._explain(process)
            finally:
                await self._end(process)

    async def _spawn(self, connection: socket.socket) -> asyncio.subprocess.Process:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._report.message(f"The pipeline runs on this machine; its output is in {self._log}.", "JOB_MESSAGE_DETAILED")
        target = str(self._program.target)
        with self._log.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                self._place.python,
                "-P",  # the directory of our program is no place to import from
                str(_CHILD),
                str(connection.fileno()),
                pass_fds=(connection.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=Path(target).parent if target.endswith(".py") else None,
                env=_environment(self._place.gcs_url, self._work.project_id),
                start_new_session=True,
            )

    async def _follow(self, reader: asyncio.StreamReader) -> str | None:
        """Pass on what the process says; the state that it ends in, or None where it went without a word."""
        with contextlib.suppress(ConnectionError):
            while (line := await reader.readline()).endswith(b"\n"):
                name, value = json.loads(line)
                if name == "done":
                    return states.DRAINED if self._drained else states.DONE
                if name == "failed":
                    self._fail(**value)
                    return states.FAILED
                self._pass_on(name, value)
        return None

    def _pass_on(self, name: str, value: Any) -> None:
        match name:
            case "running":
                self._begin()
            case "message":
                self._report.message(*value)
            case "describe":
                self._report.describe(value)
            case "metrics":
                self._report.metrics(value)
            case "stages":
                self._report.stages(value)

    def _begin(self) -> None:
        if self._workers:
            return  # a program with a second pipeline
        self._workers = 1
        report = self._report
        report.state("JOB_STATE_PENDING")
        report.message("Fusing adjacent ParDo, Read, Write, and Flatten operations", "JOB_MESSAGE_DETAILED")
        report.message("Adding workflow start and stop steps.", "JOB_MESSAGE_DEBUG")
        report.message("Assigning stage ids.", "JOB_MESSAGE_DEBUG")
        report.message(f"Starting 1 workers in {self._work.location}...")
        report.state(states.RUNNING)
        report.autoscaling("CURRENT_NUM_WORKERS_CHANGED", "Worker pool started.", current=1, target=1)
        report.message("Workers have started successfully.", "JOB_MESSAGE_DETAILED")

    def _fail(self, *, cause: str, trace: str, stage: str | None, launched: bool) -> None:
        if trace:
            self._error("\n".join(trace.splitlines()[-_TAIL_LINES:]))
        if launched:
            self._error(f"Workflow failed. Causes: {stage + ' failed., ' if stage else ''}{cause}")
        else:
            self._error(f"Error occurred in the launcher container: Template launch failed: {cause}")

    async def _explain(self, process: asyncio.subprocess.Process) -> str:
        """A process that ended without a word: all that is known of it is its exit status and its output."""
        status = await process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        self._error(f"Workflow failed. Causes: The pipeline's process {how}. Its last output:\n{_tail(self._log)}")
        return states.FAILED

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        try:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # we run in a task
                _signal(process, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), self._place.grace)
        except TimeoutError:
            pass
        finally:
            _signal(process, signal.SIGKILL)  # the whole group: what the pipeline itself started ends too
            if self._to_child:
                self._to_child.close()
            self._to_child = None
        await process.wait()

    def _error(self, text: str) -> None:
        self._report.message(text, "JOB_MESSAGE_ERROR")


def _environment(gcs_url: str, project_id: str) -> dict[str, str]:
    # A pipeline of the emulator must never act with the credentials of the person who runs it.
    env = {name: value for name, value in os.environ.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    no_proxy = ",".join(filter(None, (env.get("NO_PROXY") or env.get("no_proxy"), "127.0.0.1,localhost")))
    env |= {"NO_PROXY": no_proxy, "no_proxy": no_proxy, "NO_GCE_CHECK": "true", "PYTHONUNBUFFERED": "1"}
    return env | {"STORAGE_EMULATOR_HOST": gcs_url, "GOOGLE_CLOUD_PROJECT": project_id}


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
