"""The wait for a Dataflow job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.capacity import why_full
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.limits import UsageGuard
from airflow_dataflow_ext.api.dataflow.messages import MessageStream, check_importance
from airflow_dataflow_ext.api.dataflow.reasons import reason_of
from airflow_dataflow_ext.api.dataflow.replace import who_goes_on
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, FAILED, RUNNING, STREAMING, TERMINAL, UPDATED, state_of
from airflow_dataflow_ext.api.dataflow.usage import Spending
from airflow_dataflow_ext.api.dataflow.where import where_is_it
from airflow_dataflow_ext.api.dataflow.worker_logs import check_worker_logs, explorer, worker_errors
from airflow_dataflow_ext.api.jobs.facts import state_times, thinned
from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.jobs.watch import Ending, check_poll_sleep
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import as_json
from airflow_dataflow_ext.api.rest.steps import Now, Say
from airflow_dataflow_ext.api.rest.texts import sentence, shortened
from airflow_dataflow_ext.api.rest.times import rfc3339

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.watch import Known, Watch
    from airflow_dataflow_ext.api.rest.errors import NotFoundError
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation

LONGEST_NAME = 60
"""Greatest length of a job's name in an error, in characters, so that a short alert still shows the reason."""

PAGE_SIZE = 500
"""Jobs per page of a list: few enough that reading a page does not block an event loop for long."""


class ActiveJobs(Struct, frozen=True):
    """Lists the active jobs of one place for a Board."""

    place: Place

    def active(self, watches: Iterable[Watch], known: Known) -> Conversation[tuple[dict[str, Json | None], int]]:
        """Summaries by job id, or None for a job that is still in its known state; and the number of calls that this took."""
        request = dataflow.Job.list.request(**self.place.path, filter="ACTIVE", pageSize=PAGE_SIZE)
        found = yield from pages(request, retry_for=budgets.LIST_WITHIN, keep=lambda body: _compared(body, known))
        return {job_id: job for page in found for job_id, job in page.items()}, len(found)

    def ended(self, watches: Sequence[Watch], since: float) -> Conversation[dict[str, Json]]:
        """Summaries of the jobs that ended in the last ``since`` seconds, with a margin for different clocks."""
        begin = rfc3339((yield Now()) - since - budgets.CLOCK_SKEW)
        span = {"terminationTimeRange.startTime": begin, "pageSize": PAGE_SIZE}
        request = dataflow.Job.list.request(**self.place.path, filter="TERMINATED", **span)
        bodies = yield from pages(request, retry_for=budgets.ENDED_LIST_WITHIN, limit=2 * len(watches) + PAGE_SIZE)
        wanted = {watch.job_id for watch in watches}
        return {str(job["id"]): job for job in items(bodies, "jobs") if str(job.get("id")) in wanted}


def _compared(body: Json, known: Known) -> dict[str, Json | None]:
    """The watched jobs of a page; those in a new state without nested fields.

    Otherwise, tens of thousands of objects per round would keep the garbage collector busy.
    """
    found: dict[str, Json | None] = {}
    for job in items((body,), "jobs"):
        job_id = str(job.get("id"))
        if known.get(job_id) == state_of(job):
            found[job_id] = None
        elif job_id in known:
            found[job_id] = {name: value for name, value in job.items() if isinstance(value, str)}
    return found


class WaitPolicy(Struct, frozen=True, kw_only=True):
    """What a wait is for, whichever job it is: which states end it well or badly, how often to look at the job, and what to log.

    :param expected: states that end the wait well; any other end is then a bad one. If empty, the state table decides, and for a streaming
        job, ``JOB_STATE_RUNNING`` is also a good end, unless ``to_the_end``.
    :param to_the_end: also wait for the end of a streaming job.
    :param poll_sleep: seconds between two looks.
    :param importance: least importance of the job messages that are logged; ``None`` logs none.
    :param worker_logs: whether to read the workers' last errors from Cloud Logging when the job fails.
    :param spending: prices and limits of the job.
    :param drain: drain a streaming job that has to be stopped.
    :param replaces: whether the job was launched to replace a running one, so that the log says which of them continues.
    :raises InvalidInputError: there is no such state or importance, or ``poll_sleep`` is not greater than 0.
    """

    expected: tuple[str, ...] = ()
    to_the_end: bool = False
    poll_sleep: float = budgets.POLL_SLEEP
    importance: str | None = "JOB_MESSAGE_BASIC"
    replaces: bool = False
    worker_logs: str = "off"
    spending: Spending = field(default_factory=Spending)
    drain: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.expected) - set(DATAFLOW))
        if unknown:
            raise InvalidInputError(f"{', '.join(unknown)} is not a job state; the states are {', '.join(DATAFLOW)}")
        force_setattr(self, "poll_sleep", check_poll_sleep(self.poll_sleep))
        check_importance(self.importance)
        check_worker_logs(self.worker_logs)

    def judge(self, job: Mapping[str, Any]) -> Phase:
        """What the job's current state means for the wait."""
        state = state_of(job)
        if self.expected:
            if state in self.expected:
                return Phase.SUCCEEDED
            return Phase.FAILED if state in TERMINAL else Phase.MOVING
        if state == RUNNING and job.get("type") == STREAMING and not self.to_the_end:
            return Phase.SUCCEEDED
        return phase_of(state, DATAFLOW)


class JobWatch(Struct, frozen=True, kw_only=True):
    """A wait for one job: the job and the policy."""

    job: JobRef
    policy: WaitPolicy = field(default_factory=WaitPolicy)

    def judge(self, job: Mapping[str, Any]) -> Phase:
        """What the job's current state means for this wait."""
        return self.policy.judge(job)

    def state(self, job: Mapping[str, Any]) -> str:
        """The job's state."""
        return state_of(job)

    def read(self, *, retry_for: float | None = None) -> Conversation[Json]:
        """The job's current summary, as lists show it; by default, the call is retried until there is an answer."""
        return ask(dataflow.Job.get.request(**self.job.path), retry_for=retry_for)

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """The error, with the job's location if it is another one."""
        return where_is_it(self.job, error)

    def documented(self, state: str) -> bool:
        """Whether the state table has a row for the state."""
        return state in DATAFLOW

    def stream(self) -> JobStream:
        """The job's messages."""
        return JobStream(self.job, self.policy)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def poll_sleep(self) -> float:
        """Seconds between two looks."""
        return self.policy.poll_sleep

    @property
    def place(self) -> Place:
        """The job's place, whose watchers share their looks."""
        return self.job.place

    def lister(self) -> ActiveJobs:
        """The lister of the place's active jobs."""
        return ActiveJobs(self.job.place)

    def serialize(self) -> Json:
        """The watch as JSON; :meth:`deserialize` is the inverse."""
        return as_json(self)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> JobWatch:
        """The inverse of :meth:`serialize`."""
        policy = data["policy"]
        parts = {"expected": tuple(policy["expected"]), "spending": Spending(**policy["spending"])}
        return cls(job=JobRef.deserialize(data["job"]), policy=WaitPolicy(**{**policy, **parts}))


class JobStream:
    """Logs a job's messages, and explains its end."""

    def __init__(self, job: JobRef, policy: WaitPolicy) -> None:
        self._job = job
        self._policy = policy
        self._messages = MessageStream(job.path, policy.importance)
        self._guard = UsageGuard(job, policy.spending, drain=policy.drain)
        self._successor = ""
        self._states: list[tuple[str, str]] = []

    @property
    def quiet_rounds(self) -> float:
        """How many looks at an unchanged job may pass before :meth:`follow` is due."""
        return self._messages.quiet_rounds

    @property
    def patience(self) -> float:
        """Seconds within which the job's usage must be checked again."""
        return self._guard.patience

    def follow(self, job: Json) -> Conversation[None]:
        """Log new messages, and stop a job that exceeds its limit."""
        self._states.append((state_of(job), str(job.get("currentStateTime", ""))))
        yield from self._messages.follow(retry_for=self._policy.poll_sleep)
        yield from self._guard.check(job)

    def facts(self) -> Json:
        """The job's states with their times, and how its worker pool changed."""
        return {"states": state_times(self._states), "workers": thinned(self._messages.scaling)}

    def mark(self) -> Json | None:
        """How far the messages have been logged."""
        return None if self._policy.importance is None else self._messages.mark()

    def final(self, job: Json) -> Conversation[Json]:
        """The job, with the ids of the jobs that it replaced and that replaced it, which a summary does not contain."""
        if self._policy.replaces:
            self._successor = yield from who_goes_on(self._job, job)
            if self._successor:
                yield Say(self._successor)
        if job.get("type") != STREAMING:
            return job
        request = dataflow.Job.get.request(**self._job.path, view="JOB_VIEW_DESCRIPTION")
        whole: Json = yield from ask(request, retry_for=None)
        return {**job, **{name: whole[name] for name in ("replaceJobId", "replacedByJobId") if name in whole}}

    def complaint(self, job: Json, reason: str) -> str:
        """A sentence on how the job ended and why."""
        name = shortened(str(job.get("name")), LONGEST_NAME)
        text = f"Job {job.get('id')} ({name}) in {job.get('location')} ended as {job.get('currentState')}"
        return f"{text}{': ' if reason else ''}{sentence(reason) or '.'} {self._successor}".rstrip()

    def ending(self, job: Json, phase: Phase) -> Conversation[Ending]:
        """What the end means: a job that was stopped because it used too much has ended badly, whatever its state."""
        over = yield from self._guard.verdict(job)
        if over:
            return Ending(Phase.FAILED, over, "limit")
        if phase is Phase.SUCCEEDED:
            return Ending(phase)
        if job.get("currentState") != FAILED:
            return Ending(phase, self._reason(job))
        messages = yield from self._messages.errors()
        full = yield from why_full(self._job, messages)
        if full:
            return Ending(phase, full, "capacity")
        return Ending(phase, reason_of([*messages, *(yield from self._worker_errors(job))]))

    def _reason(self, job: Json) -> str:
        """Why a job that did not fail still did not end as expected."""
        if job.get("currentState") == UPDATED:
            return f"job {job.get('replacedByJobId')} replaced it"
        if self._policy.expected:
            return f"expected was {' or '.join(self._policy.expected)}"
        return "somebody stopped it"

    def _worker_errors(self, job: Json) -> Conversation[list[str]]:
        """The workers' errors, if ``worker_logs`` asks for them."""
        yield Say(f"The errors of its workers are in Cloud Logging: {explorer(self._job)}")
        if self._policy.worker_logs == "off":
            return []
        return (yield from worker_errors(self._job, str(job.get("createTime", ""))))
