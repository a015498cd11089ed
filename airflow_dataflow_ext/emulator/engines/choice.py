"""The engine that chooses between scripts and Beam."""

from __future__ import annotations

from airflow_dataflow_ext.emulator.engines.contract import Engine, Report, Work
from airflow_dataflow_ext.emulator.engines.scripted import Scripts


class AutoEngine:
    """Plays a script if one is set for the job's name; otherwise runs the job with Beam."""

    name = "auto"

    def __init__(self, beam: Engine, scripted: Engine, scripts: Scripts) -> None:
        self._beam = beam
        self._scripted = scripted
        self._scripts = scripts
        self._runs: dict[str, Engine] = {}

    def start(self, work: Work, report: Report) -> None:
        engine = self._scripted if self._scripts.find(work.job_name) else self._beam
        engine.start(work, report)
        self._runs[work.job_id] = engine

    def stop(self, job_id: str, *, drain: bool) -> None:
        engine = self._runs.get(job_id)
        if engine is not None:
            engine.stop(job_id, drain=drain)

    async def close(self) -> None:
        await self._beam.close()
        await self._scripted.close()
