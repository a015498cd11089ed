"""The hook for Salesforce CRM Analytics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import needed
from airflow_dataflow_ext.api.rest.ask import ask, entries
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.times import moment
from airflow_dataflow_ext.api.wave import lookup as wave_assets
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave import stop as wave_stopping
from airflow_dataflow_ext.api.wave.launcher import DataflowStart, DataSync, IfRunning, RunLaunch, WaveLauncher, check_if_running, start
from airflow_dataflow_ext.api.wave.runs import RunRef, find
from airflow_dataflow_ext.api.wave.wait import RunWatch
from airflow_dataflow_ext.hooks.salesforce import SalesforceConnection
from airflow_dataflow_ext.hooks.verbs import verb

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Method, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation


class WaveHook(SalesforceConnection):
    """Calls the CRM Analytics REST API.

    Every method has three forms: ``hook.get_job(...)`` blocks, ``await hook.get_job.aio(...)`` runs on an event loop, and
    ``hook.get_job.conversation(...)`` is part of a longer conversation. All raise
    :class:`~airflow_dataflow_ext.api.rest.errors.CallError` if the service refuses, and
    :class:`~airflow_dataflow_ext.api.rest.errors.InvalidInputError` if the connection's API version does not have the method.
    See :class:`~airflow_dataflow_ext.hooks.salesforce.SalesforceConnection` for the constructor's arguments.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_rest_overview.htm
    """

    @verb
    def call(self, method: Method, body: Mapping[str, Any] | None = None, /, **values: Any) -> Conversation[Any]:
        """Call any method of :mod:`airflow_dataflow_ext.api.wave.methods`.

        :param values: path and query parameters under the service's own names, for example ``jobId``.
        """
        return self._ask(wave.call(method, self.version, body, **values))

    @verb
    def start_dataflow(self, dataflow: str, *, if_running: IfRunning = "wait") -> Conversation[Json]:
        """Start a dataflow once, even if an answer is lost; returns the DataflowJob.

        :param dataflow: its id (02K...), name or label.
        :param if_running: what to do if it is already running: ``wait`` waits for that run's end and then starts a new one, ``adopt``
            returns that run, ``fail`` raises an error.
        :raises BusyError: it is already running, and ``if_running`` is ``fail``.
        """
        found = yield from wave_assets.dataflow_id(self.version, dataflow, retry_for=self.retry_for)
        return (yield from self._start(DataflowStart(found), if_running))

    @verb
    def start_recipe(self, recipe: str, *, if_running: IfRunning = "wait") -> Conversation[Json]:
        """Start a recipe once; returns the DataflowJob. See :meth:`start_dataflow`.

        :param recipe: its id (05v...), name or label.
        """
        found = yield from wave_assets.recipe_dataflow_id(self.version, recipe, retry_for=self.retry_for)
        return (yield from self._start(DataflowStart(found), if_running))

    @verb
    def run_data_sync(self, connector_id: str, *, if_running: IfRunning = "wait") -> Conversation[Json]:
        """Start the data sync of a connector once; returns the DataflowJob. See :meth:`start_dataflow`."""
        return self._start(DataSync(connector_id), if_running)

    def _start(self, launch: RunLaunch, if_running: IfRunning) -> Conversation[Json]:
        launcher = WaveLauncher(launch=launch, watch=self.watch(), adopt=check_if_running(if_running) == "adopt")
        return (yield from start(launcher, if_running)).job

    @verb
    def get_job(self, job_id: str) -> Conversation[Json]:
        """The DataflowJob."""
        return self._ask(wave.call(wave.DataflowJob.get, self.version, jobId=job_id))

    @verb
    def list_jobs(self, /, *, limit: int | None = None, **filters: Any) -> Conversation[list[Json]]:
        """The DataflowJobs of the last seven days or, with ``pageSize``, all of them.

        :param limit: greatest number of jobs.
        :param filters: ``dataflowId``, ``jobTypes``, ``licenseType``, ``pageSize``, ``q``, ``startedAfter``, ``startedBefore``
            (seconds since the epoch), ``status``.
        """
        return self._entries(wave.call(wave.DataflowJob.list, self.version, **filters), limit)

    @verb
    def newest_job(self, dataflow: str, *, since: float | str | date = 0.0) -> Conversation[Json | None]:
        """The newest DataflowJob of a dataflow, or None.

        :param since: seconds since the epoch; or a time or a date, also as ISO 8601 text; without a time zone it is UTC.
        """
        found = yield from wave_assets.dataflow_id(self.version, dataflow, retry_for=self.retry_for)
        run = RunRef(version=self.version, source_id=found, since=moment(since, "since"), newest=True)
        return (yield from find(run, retry_for=self.retry_for))

    @verb
    def wait(self, job_id: str, *, poll_sleep: float | None = None, fail_on_warning: bool = False) -> Conversation[Json]:
        """Wait for a job's end and log its progress. Returns the DataflowJob, with its ``nodes``.

        :param poll_sleep: seconds between two looks; 30 by default.
        :raises JobError: the job ended badly.
        """
        watch = self.watch(needed(job_id, "job_id"), poll_sleep=poll_sleep, fail_on_warning=fail_on_warning)
        return (yield from wait_for_job(watch)).result()

    @verb
    def stop(self, job_id: str, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP) -> Conversation[Json]:
        """Stop a queued or running job and wait up to ``wait_for`` seconds for its end, with ``poll_sleep`` seconds between two looks;
        returns the DataflowJob."""
        return wave_stopping.stop(RunRef(version=self.version, id=wave.run_id(job_id, "job_id")), wait_for=wait_for, poll_sleep=poll_sleep)

    @verb
    def nodes(self, job_id: str) -> Conversation[list[Json]]:
        """The DataflowJobNodes of a job; a queued job has none."""
        return self._entries(wave.call(wave.DataflowJobNode.list, self.version, jobId=job_id))

    @verb
    def node(self, job_id: str, node_id: str) -> Conversation[Json]:
        """One DataflowJobNode."""
        return self._ask(wave.call(wave.DataflowJobNode.get, self.version, jobId=job_id, nodeId=node_id))

    @verb
    def list_dataflows(self, q: str | None = None) -> Conversation[list[Json]]:
        """The Dataflows of the org.

        :param q: search terms.
        """
        return self._entries(wave.call(wave.Dataflow.list, self.version, q=q))

    @verb
    def get_dataflow(self, dataflow_id: str) -> Conversation[Json]:
        """A Dataflow, with its definition."""
        return self._ask(wave.call(wave.Dataflow.get, self.version, dataflowId=dataflow_id))

    @verb
    def dataflow_histories(self, dataflow_id: str) -> Conversation[list[Json]]:
        """The versions of a dataflow."""
        return self._entries(wave.call(wave.Dataflow.histories, self.version, dataflowId=dataflow_id))

    @verb
    def list_recipes(self, /, *, limit: int | None = None, **filters: Any) -> Conversation[list[Json]]:
        """The Recipes of the org.

        :param limit: greatest number of recipes.
        :param filters: ``format``, ``licenseType``, ``pageSize``, ``q``, ``sort``.
        """
        return self._entries(wave.call(wave.Recipe.list, self.version, **filters), limit)

    @verb
    def get_recipe(self, recipe_id: str) -> Conversation[Json]:
        """A Recipe, whichever its format is."""
        return self._ask(wave_assets.recipe_request(self.version, recipe_id))

    @verb
    def limits(self, types: str | None = None) -> Conversation[list[Json]]:
        """Limits of the analytics platform, such as ``MaxDailyWorkflowExecutions``, the number of runs per day.

        :param types: names of limits, separated by commas.
        """
        return self._entries(wave.call(wave.Limit.list, self.version, types=types))

    def watch(self, job_id: str | None = None, *, poll_sleep: float | None = None, fail_on_warning: bool = False) -> RunWatch:
        """What a wait for a job in this org needs to know.

        :param poll_sleep: seconds between two looks; 30 by default.
        :raises InvalidInputError: the id is not valid.
        """
        run = RunRef(version=self.version, id="" if job_id is None else wave.run_id(job_id, "job_id"))
        return RunWatch(run=run, poll_sleep=budgets.WAVE_POLL_SLEEP if poll_sleep is None else poll_sleep, fail_on_warning=fail_on_warning)

    def _entries(self, request: Request, limit: int | None = None) -> Conversation[list[Json]]:
        if request.method.items is None:
            raise InvalidInputError(f"{request.method.id} gives no list")
        return entries(request, request.method.items, retry_for=self.retry_for, limit=limit)

    def _ask(self, request: Request) -> Conversation[Any]:
        return ask(request, retry_for=self.retry_for)
