"""What every operator that launches a Dataflow job has in common: launch once, show the link, wait or defer, give the Job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, conf
from airflow.sdk.exceptions import TaskDeferralTimeout

from airflow_dataflow_ext.api.conversations import ask
from airflow_dataflow_ext.api.dataflow_service import DataflowService
from airflow_dataflow_ext.api.dataflow_watch import JobRef, JobWatch
from airflow_dataflow_ext.api.errors import DataflowExtError, JobError
from airflow_dataflow_ext.api.launching import launch_once, settle, stop_launched
from airflow_dataflow_ext.api.states import Phase
from airflow_dataflow_ext.api.watching import Outcome, watching
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.operators.edge import RecordStore, clears_of, identity_of, stopped_by_user, task_edge

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.launch import Launch
    from airflow_dataflow_ext.api.method import Json
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowLaunchOperator(BaseOperator):
    """Launches one Dataflow job and follows it.

    The result is the Job with the REST API's field names; XCom ``job_id`` holds its id. Whatever dies on the way, one
    logical launch (a task of a DAG run) starts one job: a retry takes over the job of an earlier attempt, or its result; a
    cleared task stops a job that still moves and starts anew.

    :param project_id: project of the job; the connection's by default.
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.
    :param append_job_name: give each launch a job name of its own by a suffix that stays the same over retries.
    :param poll_sleep: seconds between two looks at the job.
    :param wait_until_finished: None waits for a batch job's end and for a streaming job to run; True waits for the end of
        either; False does not wait.
    :param expected_terminal_state: the state that ends the task well, when it is another one; every other end fails it.
    :param deferrable: wait in the triggerer.
    :param drain_pipeline: drain a streaming job instead of cancelling it when the task is killed.
    :param cancel_timeout: seconds to wait for the end of a job that is stopped before a new one starts.
    :param reattach: let a retry take over an earlier attempt's job; False stops that job and launches anew.
    :param message_importance: the least importance of job messages that are shown in the task's log, for example
        ``JOB_MESSAGE_DETAILED``; None shows none.
    """

    ui_color = "#0273d4"
    operator_extra_links = (DataflowJobLink(),)

    def __init__(
        self,
        *,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        append_job_name: bool = True,
        poll_sleep: float = 10,
        wait_until_finished: bool | None = None,
        expected_terminal_state: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        drain_pipeline: bool = False,
        cancel_timeout: float | None = 10 * 60,
        reattach: bool = True,
        message_importance: str | None = "JOB_MESSAGE_BASIC",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self.append_job_name = append_job_name
        self.poll_sleep = poll_sleep
        self.wait_until_finished = wait_until_finished
        self.expected_terminal_state = expected_terminal_state
        self.deferrable = deferrable
        self.drain_pipeline = drain_pipeline
        self.cancel_timeout = cancel_timeout
        self.reattach = reattach
        self.message_importance = message_importance
        self._attempt: _Attempt | None = None
        self._watch(JobRef(project_id="-", location="-", job_id="-"))  # a wrong argument fails the DAG file, not the run

    @abstractmethod
    def launch(self) -> Launch:
        """What is launched, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> Json:
        with task_edge():
            launch = self.launch()
            if launch.validate_only:
                return self._validate(launch)
            attempt = self._attempt = _Attempt(self, launch, context)
            launched = self.hook.run(
                launch_once(attempt.service, attempt.identity, clears=clears_of(context, self.retries), reattach=self.reattach),
                attempt.store,
            )
            self._show(context, launched.job)
            if self.wait_until_finished is False:
                return launched.job
            watch = self._watch(self.hook.job(launched.record.job_id, self.project_id, self.location))
            if self.deferrable and watch.judge(launched.job) is Phase.MOVING:
                self._defer(context, watch)
            return self._finish(attempt.store, self.hook.run(watching(watch)))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Json:
        """What the trigger saw decides exactly as if this worker had waited."""
        with task_edge():
            if "error" in event:
                raise JobError(str(event["error"]))
            return self._finish(RecordStore(context), Outcome.deserialize(event))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As in any operator, but a task that waited too long stops its job, as it does when a worker waits."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            self._stop(_Attempt(self, self.launch(), context))
            raise

    def on_kill(self) -> None:
        """Stop the job when a user ended the task; a worker that is only shut down leaves it to the next try."""
        attempt = self._attempt
        if attempt is None:
            return
        if stopped_by_user(attempt.context["ti"]):
            self._stop(attempt)
        else:
            self.log.info("The job goes on: nobody asked for its end; a retry takes it over.")

    def _stop(self, attempt: _Attempt) -> None:
        try:
            self.hook.run(stop_launched(attempt.service, attempt.identity), attempt.store)
        except DataflowExtError as error:
            self.log.warning("The job could not be stopped: %s", error)

    def _watch(self, job: JobRef) -> JobWatch:
        return JobWatch(
            job=job,
            expected=(self.expected_terminal_state,) if self.expected_terminal_state else (),
            to_the_end=bool(self.wait_until_finished),
            poll_sleep=self.poll_sleep,
            importance=self.message_importance,
        )

    def _show(self, context: Context, job: Json) -> None:
        where = self.hook.job(str(job["id"]), self.project_id, self.location)
        DataflowJobLink.persist(context, project_id=where.project_id, location=where.location, job_id=where.job_id)
        context["ti"].xcom_push(key="job_id", value=where.job_id)
        self.log.info("%s: %s", where, job.get("name"))

    def _defer(self, context: Context, watch: JobWatch) -> None:
        from airflow_dataflow_ext.triggers.base import ATTEMPT
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        context["ti"].xcom_push(key=ATTEMPT, value=context["ti"].try_number)
        self.defer(
            trigger=DataflowJobTrigger(
                watch=watch.serialize(),
                stop_on_kill=True,
                drain=self.drain_pipeline,
                conn_id=self.gcp_conn_id,
                impersonation_chain=self.impersonation_chain,
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def _finish(self, store: RecordStore, outcome: Outcome) -> Json:
        self.hook.run(settle(str(outcome.job.get("id")), outcome.phase), store)
        return outcome.result()

    def _validate(self, launch: Launch) -> Json:
        where = self.hook.place(self.project_id, self.location)
        answer: Json = self.hook.run(ask(launch.request(where["projectId"], where["location"], launch.job_name, {})))
        return answer


class _Attempt:
    """One entry into the task: what is launched, whose it is, and where that is recorded."""

    def __init__(self, operator: DataflowLaunchOperator, launch: Launch, context: Context) -> None:
        self.context = context
        self.identity = identity_of(context)
        self.store = RecordStore(context)
        self.service = DataflowService(
            launch=launch,
            watch=operator._watch(operator.hook.job("-", operator.project_id, operator.location)),
            append_job_name=operator.append_job_name,
            drain=operator.drain_pipeline,
            cancel_timeout=float(operator.cancel_timeout or 0),
        )
