"""The engine that runs pipelines for real, each job in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from airflow_dataflow_ext.api.dataflow import states
from airflow_dataflow_ext.emulator.engines.beam_job import BeamJob
from airflow_dataflow_ext.emulator.engines.beam_process import Machine
from airflow_dataflow_ext.emulator.engines.beam_program import program_of
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Report, Work
from airflow_dataflow_ext.emulator.engines.images import Image, image_of

_EXTRA = "pip install 'airflow-dataflow-ext[emulator]'"


class BeamEngine:
    """Runs templates, and what Beam's Python SDK submits or stages: each job in a process of its own, with Beam's in-process runner.

    A Flex template runs the Python file that ``images`` gives for the image of its container spec; a classic template runs the file that
    ``images`` gives for its ``gs://`` path. The launch's parameters become the file's ``--name=value`` options. A staged pipeline,
    of a job or of a classic template, brings its own functions, packages and options. Beam YAML and Word_Count are Beam's own.

    :param images: image, or path of a classic template -> what it stands for on this machine; a text is the path of a Python pipeline file.
    :param gcs_url: the storage emulator that the pipelines' ``gs://`` paths lead to.
    :param log_dir: where each run's output is kept, ``<job id>.log``.
    :param python: the Python that runs pipelines whose image has none; it needs apache-beam[gcp], and not this package.
    :param max_running: how many batch pipelines run at a time; other jobs wait in JOB_STATE_QUEUED (Flex) or JOB_STATE_PENDING.
    :param grace: seconds that a cancelled pipeline has between SIGTERM and SIGKILL.

    What it plays: https://cloud.google.com/dataflow/docs/concepts/dataflow-templates
    """

    name = "beam"

    def __init__(
        self,
        images: Mapping[str, str | Image],
        gcs_url: str,
        log_dir: str | Path,
        *,
        python: str = sys.executable,
        max_running: int = 2,
        grace: float = 3.0,
    ) -> None:
        self._images = {name: image_of(value) for name, value in images.items()}
        self._machine = Machine(python, gcs_url, Path(log_dir), grace)
        self._slots = asyncio.Semaphore(max_running)
        self._jobs: dict[str, tuple[BeamJob, asyncio.Task[None]]] = {}

    def start(self, work: Work, report: Report) -> None:
        """Begin the job, and return at once.

        :raises RefusedError: apache-beam is missing, or it is a template that this engine has no program for.
        """
        program = program_of(work, self._images)
        python = program.python or self._machine.python
        if python == sys.executable and importlib.util.find_spec("apache_beam") is None:
            raise RefusedError(f"This emulator runs pipelines only where apache-beam is installed: {_EXTRA}.", code="FAILED_PRECONDITION")
        job = BeamJob(work, report, program, self._machine, self._slots)
        task = asyncio.get_running_loop().create_task(job.live(), name=f"beam {work.job_id}")
        self._jobs[work.job_id] = job, task
        task.add_done_callback(lambda done: self._ended(work.job_id, done))

    def stop(self, job_id: str, *, drain: bool) -> None:
        """Cancel or drain a job; one that has ended is left alone.

        A cancelled pipeline's process is ended. A drained one reads no more, closes its windows and ends by itself.
        """
        if job_id not in self._jobs:
            return
        job, task = self._jobs[job_id]
        if drain and job.drain():
            return
        job.cancelled = True
        task.cancel()

    async def close(self) -> None:
        """End every process that still runs, and report nothing more."""
        tasks = [task for _, task in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        job, _ = self._jobs.pop(job_id)
        if task.cancelled():
            if job.cancelled:  # by a person, and not because the emulator closes
                job.finish(states.CANCELLED)
        elif error := task.exception():
            job.finish(states.FAILED, error=f"Workflow failed. Causes: {type(error).__name__}: {error}")
