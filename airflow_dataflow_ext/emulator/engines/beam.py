"""The engine that runs real pipelines, each in its own process."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

from airflow_dataflow_ext.api.dataflow import states
from airflow_dataflow_ext.emulator.engines.beam_job import BeamJob
from airflow_dataflow_ext.emulator.engines.beam_process import Machine
from airflow_dataflow_ext.emulator.engines.beam_program import program_of
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Report, Work
from airflow_dataflow_ext.emulator.engines.images import ImagesGiven, images_of

_EXTRA = "pip install 'airflow-dataflow-ext[emulator]'"


class BeamEngine:
    """Runs templates, and pipelines that Beam's Python SDK submits or stages. Each job has its own process with Beam's in-process runner.

    A Flex template runs the Python file that ``images`` gives for the image of its container spec; a classic template runs the file that
    ``images`` gives for its ``gs://`` path. The launch's parameters become the file's ``--name=value`` options. A staged pipeline,
    of a job or of a classic template, includes its functions, packages and options. Beam YAML and Word_Count are part of Beam.

    :param images: maps a container image or a classic template's path to what runs in its place; a string is a Python pipeline's path.
    :param gcs_url: URL of the storage emulator that serves the pipelines' ``gs://`` paths.
    :param log_dir: directory for the output of each run, ``<job id>.log``; no other engine uses it at the same time.
    :param python: the Python that runs pipelines whose image has none; it needs apache-beam[gcp], but not this package.
    :param max_running: how many batch pipelines run at a time; further ones wait in JOB_STATE_QUEUED (Flex) or JOB_STATE_PENDING.
    :param grace: seconds between SIGTERM and SIGKILL for a cancelled pipeline.

    What it emulates: https://cloud.google.com/dataflow/docs/concepts/dataflow-templates
    """

    name = "beam"

    def __init__(
        self,
        images: ImagesGiven,
        gcs_url: str,
        log_dir: str | Path,
        *,
        python: str = sys.executable,
        max_running: int = 2,
        grace: float = 3.0,
    ) -> None:
        self._images = images_of(images)
        self._machine = Machine(python, gcs_url, Path(log_dir), grace)
        self._machine.clean_up()
        self._slots = asyncio.Semaphore(max_running)
        self._jobs: dict[str, tuple[BeamJob, asyncio.Task[None]]] = {}

    def start(self, work: Work, report: Report) -> None:
        """Start the job, and return at once.

        :raises RefusedError: apache-beam is not installed, or the engine has no program for the template.
        """
        program = program_of(work, self._images)
        python = program.python or self._machine.python
        if python == sys.executable and importlib.util.find_spec("apache_beam") is None:
            raise RefusedError(f"The emulator needs apache-beam to run pipelines: {_EXTRA}.", code="FAILED_PRECONDITION")
        job = BeamJob(work, report, program, self._machine, self._slots)
        task = asyncio.get_running_loop().create_task(job.live(), name=f"beam {work.job_id}")
        self._jobs[work.job_id] = job, task
        task.add_done_callback(lambda done: self._ended(work.job_id, done))

    def stop(self, job_id: str, *, drain: bool) -> None:
        """Cancel or drain a job; a job that has ended is ignored.

        The process of a cancelled pipeline is ended. A drained pipeline stops reading, closes its windows and ends by itself.
        """
        if job_id not in self._jobs:
            return
        job, task = self._jobs[job_id]
        if drain and job.drain():
            return
        job.cancelled = True
        task.cancel()

    async def close(self) -> None:
        """End every process that still runs, without further reports."""
        tasks = [task for _, task in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        job, _ = self._jobs.pop(job_id)
        if task.cancelled():
            if job.cancelled:  # by a request, not because the emulator closes
                job.finish(states.CANCELLED)
        elif error := task.exception():
            job.finish(states.FAILED, error=f"Workflow failed. Causes: {type(error).__name__}: {error}")
