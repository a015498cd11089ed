"""One job of the Beam engine, from start to end, reported with the service's states and messages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from airflow_dataflow_ext.api.dataflow import states
from airflow_dataflow_ext.emulator.engines.beam_process import TAIL_LINES, BeamProcess, Machine
from airflow_dataflow_ext.emulator.engines.beam_program import Program
from airflow_dataflow_ext.emulator.engines.contract import Report, Work

_LAUNCHER = "Error occurred in the launcher container: Template launch failed: "
_WORKFLOW = "Workflow failed. Causes: "


class BeamJob:
    """Runs a job's program and reports on it.

    :param slots: limits how many batch jobs run at a time.
    """

    def __init__(self, work: Work, report: Report, program: Program, machine: Machine, slots: asyncio.Semaphore) -> None:
        self.cancelled = False
        self._work = work
        self._report = report
        self._program = program
        self._process = BeamProcess(program, machine, name=work.job_id, project_id=work.project_id)
        self._slots = slots
        self._has_slot = False
        self._drained = False
        self._workers = 0

    def drain(self) -> bool:
        """Ask the pipeline to stop reading; False if no process runs yet."""
        if not self._process.is_running:
            return False
        self._drained = True
        self._process.drain()
        return True

    async def live(self) -> None:
        """Run the job, and report its end; if the task is cancelled, the engine reports it."""
        self._report.state("JOB_STATE_QUEUED" if self._work.kind == "flex" else "JOB_STATE_PENDING")
        if self._program.why:
            self.finish(states.FAILED, error=(_LAUNCHER if self._work.kind == "flex" else _WORKFLOW) + self._program.why)
            return
        if not self._work.streaming:  # a streaming job has no end of its own, and its replacement must not wait for batch jobs
            await self._slots.acquire()
            self._has_slot = True
        try:
            self._report.message(f"The pipeline runs on this machine; its output is in {self._process.log}.", "JOB_MESSAGE_DETAILED")
            end = await self._run()
        finally:
            self._leave_slot()
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
        """Report the process's messages; returns the state that the job ends in."""
        async with contextlib.aclosing(self._process.lines()) as lines:
            async for name, value in lines:
                if name == "done":
                    return states.DRAINED if self._drained else states.DONE
                if name == "failed":
                    self._report.worker_log(self._process.last_output())
                    self._fail(**value)
                    return states.FAILED
                self._pass_on(name, value)
        self._report.worker_log(self._process.last_output())
        self._error(_WORKFLOW + await self._process.how_it_ended())
        return states.FAILED

    def _pass_on(self, name: str, value: Any) -> None:
        match name:
            case "running":
                self._begin()
            case "message":
                self._report.message(*value)
            case "describe":
                self._report.describe(value)
                if value.get("type") == states.STREAMING:
                    self._leave_slot()
            case "metrics":
                self._report.metrics(value)
            case "stages":
                self._report.stages(value)
            case "stacks":
                self._report.stacks(value)

    def _leave_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._slots.release()

    def _begin(self) -> None:
        if self._workers:
            return  # the program runs a second pipeline
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
            self._error("\n".join(trace.splitlines()[-TAIL_LINES:]))
        if launched:
            self._error(f"{_WORKFLOW}{stage + ' failed., ' if stage else ''}{cause}")
        else:
            self._error(_LAUNCHER + cause)

    def _error(self, text: str) -> None:
        self._report.message(text, "JOB_MESSAGE_ERROR")
