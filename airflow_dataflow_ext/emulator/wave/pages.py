"""An HTML page in place of the org's Data Manager, which lists the runs."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.html import page, table, text
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import WaveRun
from airflow_dataflow_ext.emulator.wave.views import stamp

DATA_MANAGER = Method(id="analytics.dataManager", verb="GET", path="analytics/dataManager", reply="page", repeatable=True)
_MOST = 1000
"""Greatest number of rows of the table."""


class DataManagerPage:
    """The page to which a task's link leads; it needs no session, because a browser has none."""

    prefix = "analytics/"
    any_case = False

    def __init__(self, org: WaveOrg) -> None:
        self._org = org

    def methods(self) -> Iterable[Method]:
        return (DATA_MANAGER,)

    def answer(self, incoming: Incoming) -> Outgoing:
        runs = sorted(self._org.runs, key=lambda run: -run.sequence)[:_MOST]
        columns = ("Label", "Run", "Type", "Status", "Progress", "Created", "Ended", "Message")
        return page("Emulated Data Manager", table("Runs", columns, map(self._row, runs)))

    def refuse(self, error: ApiError) -> Outgoing:
        return page("Emulated Data Manager", text(str(error)), status=error.status)

    def job_name(self, incoming: Incoming) -> str:
        """Empty: the page is not about a single run."""
        return ""

    def _row(self, run: WaveRun) -> tuple[str, ...]:
        progress = f"{run.progress(self._org.clock.now()):.0%}"
        ended = stamp(run.ended) if run.ended is not None else ""
        return run.label, run.id, run.job_type, run.status, progress, stamp(run.created), ended, run.message
