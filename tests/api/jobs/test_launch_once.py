"""Tests of the launch record and its table: what a worker does that finds one, and when answers are lost."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.names import labels_of
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launched, launch_once, settle, stop_launched
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets, errors
from airflow_dataflow_ext.api.rest.method import NoReply, Request
from tests.api.cloud import Cloud, CloudJob
from tests.talk import RESET, Talk, refused

IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
NEXT = replace(IDENTITY, generation=1)
PLACE = Place(project_id="p", location="l")
SERVICE = DataflowLauncher(launch=TemplateLaunch(template="gs://b/t", job_name="wc"), place=PLACE)
BARE = replace(SERVICE, append_job_name=False)
INTENDED = LaunchRecord(step="intended", generation=0, clear_key=0, job_name=SERVICE.name(IDENTITY), since=1_000_000.0)
LAUNCHED = replace(INTENDED, step="launched", job_id="job-1", place={"project_id": "p", "location": "l"})


class Region(Talk):
    """A conversation with a small Dataflow, under one clock; trouble is dealt out by the launches and reads in their order."""

    def __init__(self, record: LaunchRecord | None = None, trouble: tuple[str, ...] = (), lags: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__(self.serve, record=None if record is None else record.value())
        self.cloud = Cloud(lags)
        self.trouble = list(trouble)

    def serve(self, request: Request) -> Any:
        self.cloud.pass_time(self.now - self.cloud.now)
        return self.cloud.answer(request, self.trouble.pop(0) if self.trouble else "")

    def holds(self, state: str = "JOB_STATE_RUNNING", name: str | None = None, labels: dict[str, str] | None = None) -> CloudJob:
        """Put a job there, by default the one of the first generation."""
        job = self.cloud.launch(name or SERVICE.name(IDENTITY), labels_of(IDENTITY) if labels is None else labels)
        job.listed = job.readable = job.created  # it has been there for a while
        job.state = state
        return job

    def launch(self, service: DataflowLauncher = SERVICE, *, clears: int = 0, reattach: bool = True) -> Launched:
        return self(launch_once(service, IDENTITY, clear_key=clears, reattach=reattach))

    @property
    def states(self) -> list[str]:
        return [job.state.removeprefix("JOB_STATE_") for job in self.cloud.jobs]


def test_without_a_record_the_intent_is_written_before_the_launch() -> None:
    talk = Talk({"job": {"id": "job-1"}})
    conversation = launch_once(SERVICE, IDENTITY, clear_key=0)
    written: list[Any] = []
    step = conversation.send(None)
    while not isinstance(step, Request):
        step = conversation.send(talk.perform(step))
        written.append(talk.record)
    assert written[-1]["step"] == "intended"
    assert (written[-1]["job_name"], written[-1]["clear_key"], written[-1]["since"]) == (SERVICE.name(IDENTITY), 0, talk.now)


def test_without_a_record_a_job_is_launched() -> None:
    region = Region()
    launched = region.launch()
    assert (launched.job["id"], launched.adopted, region.states) == ("job-1", False, ["RUNNING"])
    assert LaunchRecord.read(region.record) == launched.record == replace(LAUNCHED, since=region.now)
    assert region.cloud.jobs[0].name == f"wc-{IDENTITY.suffix}"
    assert region.cloud.jobs[0].labels == labels_of(IDENTITY)


def test_an_attempt_that_died_before_the_post_is_made_good() -> None:
    region = Region(INTENDED)
    launched = region.launch()
    assert (launched.job["id"], launched.adopted, region.states) == ("job-1", False, ["RUNNING"])
    assert region.cloud.jobs[0].name == SERVICE.name(IDENTITY)
    assert region.verbs[0] == "jobs.list"


@pytest.mark.parametrize("lags", [(0.0, 0.0), (14.0, 0.0), (0.0, 14.0)])
def test_an_attempt_that_died_after_the_post_has_its_job_taken_over(lags: tuple[float, float]) -> None:
    region = Region(INTENDED, lags=lags)
    region.cloud.launch(SERVICE.name(IDENTITY), labels_of(IDENTITY))
    launched = region.launch()
    assert (launched.job["id"], launched.adopted, region.states) == ("job-1", True, ["RUNNING"])
    assert region.record["step"] == "launched"


@pytest.mark.parametrize("clears", [0, 1])
def test_after_a_refusal_there_is_no_job_to_look_for(clears: int) -> None:
    talk = Talk(refused(400), {"job": {"id": "job-1"}})
    with pytest.raises(errors.InvalidRequestError):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    talk(stop_launched(SERVICE, IDENTITY))
    talk(launch_once(SERVICE, IDENTITY, clear_key=clears))
    assert talk.verbs == ["templates.launch"] * 2
    assert (talk.record["step"], talk.record["generation"]) == ("launched", 0)


def test_a_refusal_after_a_lost_answer_says_nothing_of_the_launch_before() -> None:
    talk = Talk(RESET, *[{} for _ in budgets.LOOKUP_PAUSES], refused(400))
    with pytest.raises(errors.InvalidRequestError):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert talk.record["step"] == "intended"


@pytest.mark.parametrize("record", [INTENDED, LAUNCHED])
@pytest.mark.parametrize("state", ["RUNNING", "QUEUED", "DONE", "DRAINED"])
def test_a_retry_takes_over_a_job_that_moves_or_ended_well(state: str, record: LaunchRecord) -> None:
    region = Region(record)
    region.holds(f"JOB_STATE_{state}")
    assert region.launch().adopted
    assert region.states == [state]


@pytest.mark.parametrize("record", [INTENDED, LAUNCHED, replace(LAUNCHED, step="settled", phase="failed")])
@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_retry_after_a_bad_end_launches_anew_under_another_name(state: str, record: LaunchRecord) -> None:
    region = Region(record)
    region.holds(f"JOB_STATE_{state}")
    launched = region.launch()
    assert (region.states, launched.adopted) == ([state, "RUNNING"], False)
    assert region.cloud.jobs[1].name == f"wc-{NEXT.suffix}"
    assert (region.record["generation"], region.record["job_id"]) == (1, "job-2")


def test_a_bad_end_that_is_known_needs_no_question() -> None:
    region = Region(replace(LAUNCHED, step="settled", phase="failed"))
    region.holds("JOB_STATE_FAILED")
    region.launch()
    assert region.verbs == ["templates.launch"]


@pytest.mark.parametrize("record", [INTENDED, LAUNCHED])
def test_a_clear_stops_a_job_that_moves_before_it_launches_anew(record: LaunchRecord) -> None:
    region = Region(record)
    region.holds()
    launched = region.launch(clears=1)
    assert (region.states, launched.adopted) == (["CANCELLED", "RUNNING"], False)
    assert region.verbs.index("jobs.update") < region.verbs.index("templates.launch")
    assert (region.record["generation"], region.record["clear_key"]) == (1, 1)


@pytest.mark.parametrize("state", ["DONE", "FAILED"])
@pytest.mark.parametrize("record", [INTENDED, LAUNCHED, replace(LAUNCHED, step="settled", phase="succeeded")])
def test_a_clear_after_the_end_launches_anew(state: str, record: LaunchRecord) -> None:
    region = Region(record)
    region.holds(f"JOB_STATE_{state}")
    region.launch(clears=1)
    assert region.states == [state, "RUNNING"]
    assert "jobs.update" not in region.verbs


def test_a_clear_whose_old_job_is_forgotten_launches_anew() -> None:
    region = Region(LAUNCHED)
    assert region.launch(clears=1).job["id"] == "job-1"
    assert any("does not know it" in text for text in region.said)


def test_a_retry_whose_job_is_forgotten_does_not_launch_on_a_guess() -> None:
    region = Region(LAUNCHED)
    with pytest.raises(errors.JobLostError, match="An earlier attempt started job job-1, and the service does not know it"):
        region.launch()
    assert region.states == []


def test_a_job_that_was_just_launched_is_given_time_to_be_readable() -> None:
    region = Region(LAUNCHED, lags=(14.0, 14.0))
    region.cloud.launch(SERVICE.name(IDENTITY), labels_of(IDENTITY))
    assert region.launch().adopted


def test_a_clear_that_cannot_stop_the_old_job_launches_nothing() -> None:
    region = Region(LAUNCHED)
    region.holds().ends = 0.0
    stuck = Talk(lambda request: {} if request.body else {"id": "job-1", "currentState": "JOB_STATE_CANCELLING"}, record=LAUNCHED.value())
    with pytest.raises(errors.JobError, match="is in JOB_STATE_CANCELLING"):
        stuck(launch_once(SERVICE, IDENTITY, clear_key=1))
    assert "templates.launch" not in stuck.verbs
    assert stuck.record == LAUNCHED.value()


@pytest.mark.parametrize(("state", "end"), [("RUNNING", "CANCELLED"), ("DONE", "DONE")])
def test_without_reattach_the_old_job_is_stopped_and_a_new_one_launched(state: str, end: str) -> None:
    region = Region(LAUNCHED)
    region.holds(f"JOB_STATE_{state}")
    assert not region.launch(reattach=False).adopted
    assert region.states == [end, "RUNNING"]


@pytest.mark.parametrize("trouble", ["lost before", "500 before", "empty before", "429", "401"])
def test_a_launch_without_effect_is_sent_again(trouble: str) -> None:
    region = Region(trouble=(trouble,))
    assert region.launch().job["id"] == "job-1"
    assert region.states == ["RUNNING"]


@pytest.mark.parametrize("trouble", ["lost after", "500 after", "empty after", "twin"])
@pytest.mark.parametrize("lags", [(0.0, 0.0), (14.0, 0.0), (3.0, 14.0)])
@pytest.mark.parametrize("service", [SERVICE, BARE])
def test_a_lost_answer_leads_to_a_look_up(trouble: str, lags: tuple[float, float], service: DataflowLauncher) -> None:
    region = Region(trouble=(trouble,), lags=lags)
    launched = region.launch(service)
    assert (launched.job["id"], region.states) == ("job-1", ["RUNNING"])
    assert region.record["job_id"] == "job-1"


def test_a_launch_that_never_gets_through_is_given_up_and_leaves_its_intent() -> None:
    talk = Talk(lambda request: RESET if request.body else {})
    with pytest.raises(errors.NoAnswerError, match="templates:launch"):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert talk.verbs.count("templates.launch") == budgets.SENDS
    assert talk.record["step"] == "intended"


def test_a_launch_that_was_not_sent_is_not_looked_for_and_the_next_try_begins_anew() -> None:
    talk = Talk(lambda _: NoReply(reason="nothing listens at 127.0.0.1:9", sent=False, nobody=True))
    with pytest.raises(errors.NoAnswerError, match="was not sent: nothing listens"):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert set(talk.verbs) == {"templates.launch"}
    assert talk.record["step"] == "refused"


def test_a_launch_that_was_sent_once_stays_an_intent_when_it_cannot_be_sent_again() -> None:
    unsent = NoReply(reason="no token", sent=False)
    talk = Talk(RESET, *[{} for _ in budgets.LOOKUP_PAUSES], lambda _: unsent)
    with pytest.raises(errors.NoAnswerError, match="was not sent: no token"):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert talk.record["step"] == "intended"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refused_launch_is_an_error_at_once(status: int) -> None:
    talk = Talk(refused(status, "No such template."))
    with pytest.raises(errors.CallError, match=r"No such template\."):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert talk.verbs == ["templates.launch"]


OTHER = {"airflow-launch": "0123456789", "airflow-dag-id": "other-dag", "team": "x"}


@pytest.mark.parametrize(
    ("labels", "owner"), [(OTHER, "airflow-dag-id=other-dag, airflow-launch=0123456789"), ({"team": "x"}, "not launched by this")]
)
def test_a_foreign_twin_is_refused_with_its_id_and_owner(labels: dict[str, str], owner: str) -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    region.holds(name="wc", labels=labels)
    with pytest.raises(errors.ForeignJobError, match=rf"Job job-1 is active in l under the name 'wc' .*{owner}"):
        region.launch(BARE)
    assert region.states == ["RUNNING"]


@pytest.mark.parametrize("age", [0.0, 90_000.0, 90 * 86_400.0])
def test_a_foreign_twin_of_any_age_is_named(age: float) -> None:
    region = Region()
    twin = region.cloud.holds_foreign("wc", age)
    with pytest.raises(errors.ForeignJobError, match=f"Job {twin.id} is active in l under the name 'wc'"):
        region.launch(BARE)


def test_a_foreign_twin_that_is_over_is_none() -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    region.holds("JOB_STATE_DONE", name="wc", labels=OTHER)
    assert region.launch(BARE).job["id"] == "job-2"


@pytest.mark.parametrize("odd", [{}, {"createTime": None}, {"createTime": "yesterday"}, {"createTime": 5}], ids=str)
def test_a_job_of_the_name_whose_time_cannot_be_read_hides_none(odd: dict[str, Any]) -> None:
    mine = {"id": "job-1", "name": "wc", "currentState": "JOB_STATE_RUNNING", "createTime": "1970-01-12T13:46:40Z"}
    odd = {"id": "job-0", "name": "wc", "currentState": "JOB_STATE_DONE", **odd}
    whole = [{**odd, "labels": OTHER}, {**mine, "labels": labels_of(IDENTITY)}]
    for jobs in ([odd, mine], [mine, odd]):
        talk = Talk(
            lambda request, jobs=jobs: {"jobs": jobs} if request.method.id == "jobs.list" else whole["job-1" in request.path],
            record=replace(INTENDED, job_name="wc").value(),
        )
        assert talk(launch_once(BARE, IDENTITY, clear_key=0)).job["id"] == "job-1"


@pytest.mark.parametrize("time", [None, "yesterday"])
def test_a_job_of_this_launch_is_found_even_if_its_time_cannot_be_read(time: str | None) -> None:
    job = {"id": "job-1", "name": "wc", "currentState": "JOB_STATE_DONE", "createTime": time, "labels": labels_of(IDENTITY)}
    talk = Talk(
        lambda request: {"jobs": [job]} if request.method.id == "jobs.list" else job, record=replace(INTENDED, job_name="wc").value()
    )
    assert talk(launch_once(BARE, IDENTITY, clear_key=0)).job["id"] == "job-1"


def test_another_job_whose_name_only_begins_alike_is_none() -> None:
    other = {"jobs": [{"id": "job-9", "name": SERVICE.name(IDENTITY) + "0", "createTime": "2027-01-01T00:00:00Z"}]}
    talk = Talk(lambda request: other if request.method.id == "jobs.list" else {"job": {"id": "job-2"}}, record=INTENDED.value())
    assert talk(launch_once(SERVICE, IDENTITY, clear_key=0)).job["id"] == "job-2"


def test_a_bare_name_waits_for_the_labels_before_it_is_judged() -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    job = region.holds(name="wc", labels={})
    shows_labels = region.now + 600.0
    region.cloud.pass_time = lambda seconds: _show(region, job, seconds, shows_labels)  # type: ignore[method-assign]
    assert region.launch(BARE).adopted
    assert region.now >= shows_labels
    assert sum("shows no labels yet" in text for text in region.said) == 1


def _show(region: Region, job: CloudJob, seconds: float, when: float) -> None:
    Cloud.pass_time(region.cloud, seconds)
    if region.cloud.now >= when:
        job.labels = labels_of(IDENTITY)


def test_a_name_with_our_suffix_is_proof_without_labels() -> None:
    region = Region(INTENDED)
    region.holds(labels={})
    assert region.launch().adopted
    assert region.slept == []


def test_a_bare_name_whose_labels_never_show_is_foreign_after_15_minutes() -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    region.holds(name="wc", labels={})
    with pytest.raises(errors.ForeignJobError):
        region.launch(BARE)
    assert 900.0 <= sum(region.slept) <= 930.0


def test_a_bare_name_of_last_week_is_not_this_launchs() -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    region.holds("JOB_STATE_DONE", name="wc").created -= 7 * 86_400
    assert not region.launch(BARE).adopted


def test_of_two_jobs_of_a_bare_name_ours_is_found_behind_one_that_is_over() -> None:
    region = Region(replace(INTENDED, job_name="wc"))
    region.holds("JOB_STATE_DONE", name="wc")
    region.holds("JOB_STATE_FAILED", name="wc", labels=OTHER).created += 5
    assert region.launch(BARE).job["id"] == "job-1"


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"version": "1"},
        {"version": None},
        {"step": "launching"},
        {"step": None},
        {"job_id": ""},
        {"job_id": None},
        {"job_name": ""},
        {"generation": "0"},
        {"generation": None},
        {"clear_key": None},
        {"since": "today"},
        {"colour": "red"},
    ],
)
def test_a_record_that_cannot_be_read_stops_the_task_and_names_the_job(damage: dict[str, Any]) -> None:
    talk = Talk(record={**LAUNCHED.value(), **damage})
    with pytest.raises(errors.LaunchRecordError) as caught:
        talk(launch_once(SERVICE, IDENTITY, clear_key=1))
    assert talk.asked == []
    known = damage.get("job_id", "job-1") or damage.get("job_name", LAUNCHED.job_name)
    assert known in str(caught.value)


@pytest.mark.parametrize("record", ["launched", 7, [], {}, {"version": 1}, [1]])
def test_a_record_that_is_none_stops_the_task(record: Any) -> None:
    talk = Talk(record=record)
    with pytest.raises(errors.LaunchRecordError, match="nothing is launched on a guess"):
        talk(launch_once(SERVICE, IDENTITY, clear_key=0))
    assert talk.asked == []


def test_a_record_says_that_the_job_ended_badly() -> None:
    talk = Talk(record=LAUNCHED.value())
    talk(settle("job-1", Phase.FAILED))
    assert LaunchRecord.read(talk.record) == replace(LAUNCHED, step="settled", phase="failed")


def test_a_good_end_costs_no_call_of_airflow() -> None:
    talk = Talk(record=LAUNCHED.value())
    talk(settle("job-1", Phase.SUCCEEDED))
    assert LaunchRecord.read(talk.record) == LAUNCHED


@pytest.mark.parametrize("record", [None, LAUNCHED.value()])
def test_the_end_of_another_job_is_not_noted(record: Any) -> None:
    talk = Talk(record=record)
    talk(settle("job-9", Phase.FAILED))
    assert talk.record == record


@pytest.mark.parametrize("record", [INTENDED, LAUNCHED])
@pytest.mark.parametrize(("state", "end"), [("RUNNING", "CANCELLED"), ("DONE", "DONE")])
def test_a_kill_stops_the_job_if_it_moves(record: LaunchRecord, state: str, end: str) -> None:
    region = Region(record)
    region.holds(f"JOB_STATE_{state}")
    region(stop_launched(SERVICE, IDENTITY))
    assert region.states == [end]


def test_a_kill_of_a_later_generation_stops_that_one() -> None:
    region = Region(replace(INTENDED, generation=1, job_name=SERVICE.name(NEXT)))
    region.holds("JOB_STATE_FAILED")
    region.holds(name=SERVICE.name(NEXT), labels=labels_of(NEXT))
    region(stop_launched(SERVICE, IDENTITY))
    assert region.states == ["FAILED", "CANCELLED"]


@pytest.mark.parametrize("record", [None, INTENDED.value(), LAUNCHED.value()])
def test_a_kill_without_a_job_asks_for_nothing_more(record: Any) -> None:
    talk = Talk(lambda request: refused(404) if request.method.id == "jobs.get" else {}, record=record)
    talk(stop_launched(SERVICE, IDENTITY))
    assert "jobs.update" not in talk.verbs
