"""The chaos program counts what it should, and its proxy does to a call what its watcher says."""

from __future__ import annotations

import asyncio
import json
import runpy
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline
from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Snapshot, Template
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.hooks.wave import WaveHook
from bench import chaos_triggerers
from bench.chaos_calls import Launches
from bench.chaos_counts import became, judge
from bench.chaos_kills import AFTER, BEFORE, BETWEEN, KILLS_QUICK, MOMENT, POLLING, Kill, make_plan
from bench.chaos_proxy import Call, Proxy, Watcher
from bench.chaos_stack import ROOT, Task
from bench.chaos_subjects import (
    AT_ONCE,
    EVERY_WAY,
    FULL_LOCATION,
    HERE,
    LOCATION,
    SUBJECTS,
    WAYS,
    WORKERS,
    Effect,
    Found,
    Group,
    dump,
    effects_in,
    load,
    share,
)
from bench.chaos_triggerers import Due, TriggererKiller
from demo.stack import free_port
from tests.airflow_task import SDK, needs_3_3
from tests.asking import Asker, RefusedError
from tests.triggers.test_every_way import ROWS


def task(number: int, held: str, state: str = "success") -> Task:
    return Task(number=number, state=state, tries=1, held=held, in_worker=False)


def effect(number: int, id: str, *, right: bool = True) -> Effect:
    return Effect(number, (id,), right)


@pytest.mark.parametrize(
    ("tasks", "effects", "counted"),
    [
        ([task(0, "a"), task(1, "b")], [effect(0, "a"), effect(1, "b")], (2, 2, 0, 0)),
        ([task(0, "a")], [effect(0, "a"), effect(0, "b")], (2, 1, 1, 1)),
        ([task(0, "a")], [effect(0, "a", right=False)], (1, 1, 0, 1)),
        ([task(0, "b"), task(1, "a")], [effect(0, "a"), effect(1, "b")], (2, 2, 0, 2)),
        ([task(0, "", "failed")], [effect(0, "a")], (1, 0, 0, 1)),
        ([task(0, "a"), task(1, "b", "failed")], [effect(0, "a")], (1, 1, 0, 0)),
        ([task(0, "handle")], [Effect(0, ("run", "handle"))], (1, 1, 0, 0)),
    ],
)
def test_duplicates_and_orphans_are_counted(tasks: list[Task], effects: list[Effect], counted: tuple[int, ...]) -> None:
    assert tuple(judge(tasks, effects).values()) == counted


@pytest.mark.parametrize(
    ("tasks", "effects", "began", "end"),
    [
        ([task(3, "a")], [effect(3, "a")], {3: 9.0}, "job kept"),
        ([task(3, "a")], [effect(3, "a")], {3: 11.0}, "launched later"),
        ([task(3, "a")], [effect(3, "a"), effect(3, "b")], {3: 9.0}, "not one job"),
        ([task(3, "a")], [], {}, "not one job"),
        ([task(3, "a", "failed")], [effect(3, "a")], {3: 9.0}, "task failed"),
    ],
)
def test_a_kill_is_said_by_what_became_of_its_launch(tasks: list[Task], effects: list[Effect], began: dict[int, float], end: str) -> None:
    assert became(Kill(point=BEFORE, whom="task", number=3, at=10.0), tasks, effects, began) == end


def job(number: int, id: str, state: str, name: str = "chaos-{:03}-0a1b", **fields: Any) -> dict[str, Any]:
    return {"name": name.format(number), "id": id, "currentState": state, **fields}


def stream(number: int, id: str, state: str = "JOB_STATE_RUNNING", **fields: Any) -> dict[str, Any]:
    return job(number, id, state, "chaos-{:03}", **fields)


def placed(id: str, begin: int, end: int, location: str = LOCATION, state: str = "DONE") -> dict[str, Any]:
    times = {"createTime": f"2027-01-01T00:00:0{begin}Z", "currentStateTime": f"2027-01-01T00:00:0{end}Z"}
    return job(3, id, f"JOB_STATE_{state}", location=location, **times)


RUN = {"id": "03C1", "handle": "0301", "label": "chaos-003"}


@pytest.mark.parametrize(
    ("name", "found", "effects"),
    [
        ("classic", Found(jobs=[job(3, "a", "JOB_STATE_DONE"), job(4, "b", "JOB_STATE_DONE")]), [effect(3, "a")]),
        ("elsewhere", Found(jobs=[placed("a", 0, 2, FULL_LOCATION, "FAILED"), placed("b", 3, 9)]), [effect(3, "b")]),
        ("elsewhere", Found(jobs=[placed("a", 0, 4, FULL_LOCATION, "FAILED"), placed("b", 3, 9)]), [effect(3, "b", right=False)]),
        ("elsewhere", Found(jobs=[placed("a", 0, 2), placed("b", 3, 9)]), [effect(3, "a"), effect(3, "b")]),
        ("create", Found(jobs=[job(3, "a", "JOB_STATE_RUNNING")]), [effect(3, "a", right=False)]),
        ("replace", Found({"chaos-003": "old"}, [stream(3, "old", "JOB_STATE_UPDATED"), stream(3, "a")]), [effect(3, "a")]),
        ("replace", Found({"chaos-003": "old"}, [stream(3, "old")]), []),
        (
            "replace",
            Found({"chaos-003": "old"}, [stream(3, "old"), stream(3, "a", "JOB_STATE_UPDATED"), stream(3, "b")]),
            [effect(3, "a", right=False), effect(3, "b")],
        ),
        ("stop", Found({"chaos-003": "old"}, [stream(3, "old", "JOB_STATE_DRAINED")]), [effect(3, "old")]),
        ("stop", Found({"chaos-003": "old"}, [stream(3, "old", "JOB_STATE_DRAINING")]), []),
        ("update", Found({"chaos-003": "old"}, [stream(3, "old", runtimeUpdatableParams={"maxNumWorkers": WORKERS})]), [effect(3, "old")]),
        ("update", Found({"chaos-003": "old"}, [stream(3, "old", runtimeUpdatableParams={"maxNumWorkers": 1})]), []),
        (
            "snapshot",
            Found({"chaos-003": "old"}, [stream(3, "old")], [{"id": "s", "sourceJobId": "old", "state": "READY"}]),
            [effect(3, "s")],
        ),
        (
            "snapshot",
            Found({"chaos-003": "old"}, [stream(3, "old")], [{"id": "s", "sourceJobId": "old", "state": "PENDING"}]),
            [effect(3, "s", right=False)],
        ),
        ("wave", Found(runs=[{**RUN, "status": "Success"}]), [Effect(3, ("03C1", "0301"))]),
        ("sync", Found(runs=[{**RUN, "status": "Running"}]), [Effect(3, ("03C1", "0301"), right=False)]),
    ],
)
def test_what_came_of_a_launch_is_found_by_the_operator(name: str, found: Found, effects: list[Effect]) -> None:
    assert effects_in(found, [Group(name, "workers", (3,))]) == {name: effects}


def test_launches_are_dealt_out_by_turns_to_operators_and_their_ways() -> None:
    assert share(5, ["classic"], ["workers", "triggerer", "here"]) == [
        Group("classic", "workers", (0, 1)),
        Group("classic", "triggerer", (2, 3)),
        Group("classic", "here", (4,)),
    ]
    groups = share(3 * len(SUBJECTS) + 1, list(SUBJECTS), tuple(WAYS))
    assert load(dump(groups)) == groups
    assert [number for group in groups for number in group.numbers] == list(range(3 * len(SUBJECTS) + 1))
    assert {name: sum(len(group.numbers) for group in groups if group.subject == name) for name in SUBJECTS} == {
        name: 4 if turn < 1 else 3 for turn, name in enumerate(SUBJECTS)
    }
    waiting = {name for name, subject in SUBJECTS.items() if subject.waits}
    assert {group.subject for group in groups if group.way == "triggerer"} == waiting
    assert {group.subject for group in groups if group.way == "here"} == set(HERE) == waiting - {"elsewhere", "later"}
    assert not any(group.is_polled_by_worker for group in groups if group.way != "workers" or group.subject == "update")
    assert share(3, ["classic"], ["workers"]) == [Group("classic", "workers", (0, 1, 2))]


def test_every_operator_of_the_package_that_waits_is_dealt_out_in_every_way() -> None:
    assert {subject.operator.rpartition(".")[2] for subject in SUBJECTS.values() if subject.waits} == {
        name for name in ROWS if name.endswith("Operator")
    }
    assert (tuple(WAYS) if SDK >= (1, 3) else ("workers", "triggerer")) == EVERY_WAY


def test_a_seed_chooses_the_same_kills_again_and_all_points_are_chosen() -> None:
    polled = {number: number < 100 for number in range(200)}
    plan = make_plan(7, polled)
    assert plan == make_plan(7, polled) != make_plan(8, polled)
    assert set().union(*plan.values()) == {BEFORE, BETWEEN, AFTER, POLLING}
    assert not any(POLLING in plan[number] for number in range(100, 200))
    assert not all(plan.values())
    assert all(make_plan(7, polled, KILLS_QUICK).values())


def test_a_launch_that_starts_in_the_triggerer_is_a_task_of_its_own() -> None:
    groups = share(6, ["classic", "flex", "yaml", "create"], ["here"])
    assert load(dump(groups)) == groups
    assert [group.task_id for group in groups[2:5]] == ["flex_here_002", "flex_here_003", "yaml_here_004"]
    assert [group.numbers[-1] for group in groups] == list(range(6))  # a row of a task that is not mapped has the map index -1
    assert not any(group.is_polled_by_worker for group in groups)
    assert Group("yaml", "triggerer", (2,)).task_id == "yaml_in_triggerer"


@needs_3_3
def test_tasks_of_the_dag_start_in_the_triggerer_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_GROUPS", dump([*share(2 * AT_ONCE, ["classic", "halt"], ["here"]), Group("classic", "triggerer", (20, 21))]))
    dag = runpy.run_path(str(ROOT / "bench" / "chaos_dags" / "chaos.py"))["dag"]
    here = {int(id[-3:]): task for id, task in dag.task_dict.items() if "_here_" in id}
    assert {number: task.start_from_trigger for number, task in here.items()} == dict.fromkeys(range(2 * AT_ONCE), True)
    assert [here[number].upstream_task_ids for number in range(AT_ONCE)] == [set()] * AT_ONCE
    assert all(here[number].upstream_task_ids == {here[number - AT_ONCE].task_id} for number in range(AT_ONCE, 2 * AT_ONCE))
    assert dag.get_task("classic_in_triggerer").upstream_task_ids == set()


def test_the_triggerer_is_killed_at_every_point_while_there_are_launches_to_come() -> None:
    plan = chaos_triggerers.make_plan(7, 50, 10)
    assert plan == chaos_triggerers.make_plan(7, 50, 10) != chaos_triggerers.make_plan(8, 50, 10)
    points = Counter(due.point for due in plan)
    assert points == {BEFORE: 3, BETWEEN: 3, AFTER: 2, MOMENT: 2}
    launched = [due.launched for due in plan]
    assert launched == sorted(launched)
    assert (launched[0], launched[-1]) == (0, 40)
    assert [due.launched for due in chaos_triggerers.make_plan(7, 3, 2)] == [0, 0]


class Dropper(Watcher):
    """Drops calls of one method at one point, and remembers what it saw and whose it was."""

    def __init__(self) -> None:
        self.drop = ("", "")
        self.launches = Launches([Group(name, "workers", (number,)) for number, name in enumerate(SUBJECTS)])
        self.seen: list[tuple[str, int | None, bool]] = []
        self.has_answered = threading.Event()

    async def arrives(self, call: Call) -> bool:
        return self.drop == ("arrives", call.method)

    async def answers(self, call: Call, answer: bytes) -> bool:
        self.launches.learn(call, answer)
        self.seen.append((call.method, self.launches.number(call), self.launches.is_started_by(call)))
        return self.drop == ("answers", call.method)

    async def answered(self, call: Call) -> None:
        self.has_answered.set()


@pytest.fixture
def dropper() -> Dropper:
    return Dropper()


@pytest.fixture
def through(emulator: Emulator, dropper: Dropper) -> Iterator[str]:
    """The URL of a proxy before the emulator."""
    port = free_port()
    with Proxy(port, lambda: emulator.url, dropper):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def ask_through(through: str) -> Asker:
    return Asker(through)


NUMBERS = {name: number for number, name in enumerate(SUBJECTS)}


def test_the_calls_of_a_launch_are_kept_apart_and_passed_on(ask_through: Asker, dropper: Dropper, emulator: Emulator) -> None:
    for start, number in (
        (ask_through.launch, NUMBERS["classic"]),
        (ask_through.launch_flex, NUMBERS["yaml"]),
        (lambda name: ask_through(Job.create, {"name": name, "type": "JOB_TYPE_BATCH", "steps": []}), NUMBERS["create"]),
    ):
        launched = start(f"chaos-{number:03}-0a1b")
        assert ask_through.job(launched)["name"] == f"chaos-{number:03}-0a1b"
        assert [seen[1:] for seen in dropper.seen[-2:]] == [(number, True), (number, False)]
        assert number in dropper.launches.began
    assert dropper.has_answered.wait(60)
    assert emulator.requests.counts == {Template.launch.id: 1, FlexTemplate.launch.id: 1, Job.create.id: 1, Job.get.id: 3}


def test_the_calls_about_a_thing_are_kept_apart(ask_through: Asker, dropper: Dropper, emulator: Emulator) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING")], type="JOB_TYPE_STREAMING")
    number = NUMBERS["snapshot"]
    stream = ask_through.launch("a-stream")
    dropper.launches.know(stream["id"], number)
    snapshot = ask_through(Job.snapshot, {"ttl": "60s"}, jobId=stream["id"])
    ask_through(Snapshot.get, snapshotId=snapshot["id"])
    ask_through.update(stream, {"requestedState": "JOB_STATE_DRAINED"})
    assert dropper.seen[1:] == [(Job.snapshot.id, number, True), (Snapshot.get.id, number, False), (Job.update.id, number, False)]
    dropper.launches.know(snapshot["id"], NUMBERS["delete"])
    ask_through(Snapshot.delete, snapshotId=snapshot["id"])
    assert dropper.seen[-1] == (Snapshot.delete.id, NUMBERS["delete"], True)
    assert NUMBERS["delete"] in dropper.launches.began  # its answer says nothing


def test_the_calls_of_a_pipelines_run_are_kept_apart(ask_through: Asker, dropper: Dropper) -> None:
    number = NUMBERS["pipeline"]
    name = f"projects/a-project/locations/us-central1/pipelines/chaos-{number:03}"
    workload = {"dataflowLaunchTemplateRequest": {"gcsPath": "gs://b/t", "launchParameters": {"jobName": f"chaos-{number:03}"}}}
    ask_through(Pipeline.create, {"name": name, "displayName": "words", "type": "PIPELINE_TYPE_BATCH", "workload": workload})
    job = ask_through(Pipeline.run, {}, pipelineId=f"chaos-{number:03}")["job"]
    ask_through.job(job)
    assert dropper.seen[1:] == [(Pipeline.run.id, number, True), (Job.get.id, number, False)]


def test_the_calls_of_a_run_are_kept_apart_by_what_it_runs(
    through: str, dropper: Dropper, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.wave.scripts.play(seconds=0.1, wait=0)
    connection = json.loads(emulator.connections()["AIRFLOW_CONN_SALESFORCE_DEFAULT"])
    connection["extra"]["instance_url"] = through
    monkeypatch.setenv("AIRFLOW_CONN_THROUGH", json.dumps(connection))
    hook = WaveHook("through")
    ids = {
        "wave": emulator.wave.add_dataflow("chaos"),
        "recipe": emulator.wave.add_recipe("chaos"),
        "sync": emulator.wave.add_connector("chaos"),
    }
    for name, start in (("wave", hook.start_dataflow), ("recipe", hook.start_recipe), ("sync", hook.run_data_sync)):
        dropper.launches.know(ids[name], NUMBERS[name])
        run = start(ids[name])
        hook.get_job(run["id"])
        hook.get_job(run["id"])
        about = [seen for seen in dropper.seen if seen[1] == NUMBERS[name]]
        assert [seen for seen in about if seen[2]] == [(SUBJECTS[name].start.id, NUMBERS[name], True)]
        assert about[-1] == (wave.DataflowJob.get.id, NUMBERS[name], False)


@pytest.mark.parametrize(("point", "jobs"), [("arrives", 0), ("answers", 1)])
def test_the_proxy_drops_a_launch_before_or_after_its_effect(
    ask_through: Asker, dropper: Dropper, emulator: Emulator, point: str, jobs: int
) -> None:
    dropper.drop = (point, Template.launch.id)
    with pytest.raises(requests.ConnectionError):
        ask_through.launch("chaos-000-0a1b")
    assert len(emulator.jobs) == len(dropper.launches.began) == jobs


def test_an_answer_that_the_emulator_loses_is_lost_to_the_client_too(ask_through: Asker, dropper: Dropper, emulator: Emulator) -> None:
    emulator.faults.add("templates.launch", lost=True)
    with pytest.raises(requests.ConnectionError):
        ask_through.launch("chaos-000-0a1b")
    assert len(emulator.jobs) == len(dropper.launches.began) == 1
    assert dropper.has_answered.wait(60)


def test_a_launch_that_is_refused_has_not_begun(ask_through: Asker, dropper: Dropper, emulator: Emulator) -> None:
    emulator.faults.add("templates.launch", status=503)
    with pytest.raises(RefusedError):
        ask_through.launch("chaos-000-0a1b")
    assert not dropper.launches.began


class FakeProgram:
    """Counts how often it was killed and started again."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.has_started = threading.Event()

    def kill(self) -> None:
        self.log.append("kill")

    def start(self) -> None:
        self.log.append("start")
        self.has_started.set()


@pytest.fixture
def triggerer() -> FakeProgram:
    return FakeProgram()


@pytest.fixture
def programs(triggerer: FakeProgram) -> dict[str, Any]:
    return {"triggerer": triggerer}


def killing(emulator: Emulator, programs: dict[str, Any], plan: list[Due]) -> tuple[TriggererKiller, Proxy, Asker]:
    port = free_port()
    killer = TriggererKiller(1, plan, Launches(share(4, ["classic"], ["here"])), programs)
    return killer, Proxy(port, lambda: emulator.url, killer), Asker(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(("point", "jobs", "is_answered"), [(BEFORE, 0, False), (BETWEEN, 1, False), (AFTER, 1, True)])
def test_the_triggerer_is_killed_at_a_launch_call_and_starts_again(
    emulator: Emulator, triggerer: FakeProgram, programs: dict[str, Any], point: str, jobs: int, is_answered: bool
) -> None:
    killer, proxy, ask = killing(emulator, programs, [Due(point, 0)])
    with proxy, killer:
        assert not programs  # the stack does not see it die
        with nullcontext() if is_answered else pytest.raises(requests.ConnectionError):
            ask.launch("chaos-002-0a1b")
        assert triggerer.has_started.wait(60)
        assert len(emulator.jobs) == jobs
        ask.launch("chaos-003-0a1b")
    assert triggerer.log == ["kill", "start"]
    assert [(kill.point, kill.number) for kill in killer.kills] == [(point, 2)]
    assert programs == {"triggerer": triggerer}


def test_a_kill_waits_for_its_launches(
    emulator: Emulator, triggerer: FakeProgram, programs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaos_triggerers, "WITHIN", 0.0)
    killer, proxy, ask = killing(emulator, programs, [Due(MOMENT, 1), Due(BEFORE, 2)])
    with proxy, killer:
        ask.job(ask.launch("chaos-000-0a1b"))
        assert triggerer.has_started.wait(60)
        ask.launch("chaos-001-0a1b")
        with pytest.raises(requests.ConnectionError):
            ask.launch("chaos-002-0a1b")
    assert [(kill.point, kill.number) for kill in killer.kills] == [(MOMENT, 0), (BEFORE, 2)]


def launching(number: int) -> Call:
    return Call(Template.launch.id, {"jobName": f"chaos-{number:03}-0a1b"}, port=number)


def test_a_kill_that_is_still_to_come_is_done_once(
    triggerer: FakeProgram, programs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaos_triggerers, "WITHIN", 0.0)
    killer = TriggererKiller(1, [Due(MOMENT, 0), Due(MOMENT, 2)], Launches(share(4, ["classic"], ["here"])), programs)

    async def launch_two() -> None:
        for call in (launching(0), launching(1)):
            assert not await killer.arrives(call)
            assert not await killer.answers(call, b"")
            await killer.answered(call)
        assert triggerer.log == []
        await asyncio.sleep(0.05)

    with killer:
        asyncio.run(launch_two())
    assert triggerer.log == ["kill", "start"]


def test_a_kill_is_only_for_a_launch_call_of_a_triggerer_that_lives(triggerer: FakeProgram, programs: dict[str, Any]) -> None:
    killer = TriggererKiller(1, [Due(BEFORE, 1), Due(BETWEEN, 1)], Launches(share(4, ["classic"], ["here"])), programs)

    async def launch_two() -> None:
        assert not await killer.arrives(launching(0))
        assert not await killer.answers(launching(0), b"")
        killer.launches.know("job", 2)
        assert not await killer.arrives(Call(Job.get.id, {"jobId": "job"}, port=9))
        assert await killer.arrives(launching(1))
        assert not await killer.answers(launching(0), b"")  # of the triggerer before
        assert not await killer.arrives(launching(1))
        assert await killer.answers(launching(1), b"")

    with killer:
        asyncio.run(launch_two())
    assert [(kill.point, kill.number) for kill in killer.kills] == [(BEFORE, 1), (BETWEEN, 1)]
