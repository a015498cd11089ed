"""The clock, scripts, and the weight of ten thousand jobs."""

from __future__ import annotations

import json
import threading
import time

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job, Template
from airflow_dataflow_ext.emulator import Autoscaling, Describe, Emulator, JobMessage, ManualClock, Metrics, RealClock, Script, Stages
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.engines.scripted import ScriptedEngine, Scripts
from airflow_dataflow_ext.emulator.google.objects import Objects
from tests.asking import Asker, Json


def test_what_falls_due_runs_at_its_own_moment_and_in_order() -> None:
    clock = ManualClock(start=0)
    seen: list[tuple[str, float]] = []
    clock.after(2, lambda: seen.append(("b", clock.now())))
    clock.after(1, lambda: (seen.append(("a", clock.now())), clock.after(0.5, lambda: seen.append(("child", clock.now()))))[0])
    clock.after(5, lambda: seen.append(("late", clock.now())))
    clock.advance(3)
    assert seen == [("a", 1), ("child", 1.5), ("b", 2)]
    assert clock.now() == 3
    with pytest.raises(ValueError, match="can be advanced by 0 seconds to a century"):
        clock.advance(-1)


def test_a_real_clock_rings_by_itself() -> None:
    with Emulator(clock=RealClock()) as emulator:
        rung = threading.Event()
        emulator.clock.on_loop(lambda: emulator.clock.after(30, lambda: None))
        emulator.clock.on_loop(lambda: emulator.clock.after(0.05, rung.set))
        assert rung.wait(5)


def test_an_ordinary_run_ends_by_itself_within_seconds(emulator: Emulator) -> None:
    ask = Asker(emulator.url)
    emulator.scripts.play("quick", [(0.01, "JOB_STATE_RUNNING"), (0.05, "JOB_STATE_DONE")])
    job = ask.launch("quick")
    deadline = time.monotonic() + 60
    while ask.state(job) != "JOB_STATE_DONE":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_last_script_that_matches_is_played(still_emulator: Emulator, ask: Asker) -> None:
    still_emulator.scripts.play("*", [(0, "JOB_STATE_PENDING")])
    still_emulator.scripts.play("wc-*", [(0, "JOB_STATE_RUNNING")])
    still_emulator.scripts.play("other-*", [(0, "JOB_STATE_FAILED")])
    assert ask.state(ask.launch("wc-1")) == "JOB_STATE_RUNNING"
    assert ask.state(ask.launch("x")) == "JOB_STATE_PENDING"


def test_a_streaming_template_streams_without_a_script(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.objects.write("gs://b/s_metadata", json.dumps({"name": "S", "streaming": True}).encode())
    job = ask.launch("s", template="gs://b/s")
    assert job["type"] == "JOB_TYPE_STREAMING"
    clock.advance(24 * 3600)
    assert ask.state(job) == "JOB_STATE_RUNNING"
    ask.update(job, {"requestedState": "JOB_STATE_DRAINED"})
    clock.advance(10)
    assert ask.state(job) == "JOB_STATE_DRAINED"


def test_a_job_is_not_touched_by_its_script_after_its_end(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.scripts.play("wc", [(1, "JOB_STATE_RUNNING"), (2, "JOB_STATE_DONE")])
    job = ask.launch("wc")
    still_emulator.jobs.set_state(job["id"], "JOB_STATE_FAILED")
    clock.advance(5)
    assert ask.state(job) == "JOB_STATE_FAILED"


def test_a_message_may_come_after_the_end(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_FAILED"), (5, JobMessage("Late.", "JOB_MESSAGE_ERROR"))])
    job = ask.launch("wc")
    clock.advance(5)
    assert still_emulator.jobs.all()[0]["messages"] == 1
    assert ask.state(job) == "JOB_STATE_FAILED"


def test_a_script_survives_json() -> None:
    steps = [
        (0, "JOB_STATE_RUNNING"),
        (1, JobMessage("m", "JOB_MESSAGE_ERROR")),
        (2, Autoscaling("up", 1, 2)),
        (3, Metrics([{"name": {"name": "n"}}])),
        (4, Stages([{"stageId": "F1"}])),
        (5, Describe({"type": "JOB_TYPE_BATCH"})),
    ]
    script = Script("wc", steps, type="JOB_TYPE_STREAMING", on_cancel=[(1, "JOB_STATE_DONE")])
    assert Script.from_json(json.loads(json.dumps(script.to_json()))) == Script.from_json(script.to_json()) == script


def test_steps_between_the_microseconds_are_played() -> None:
    clock = ManualClock(start=1_800_000_000.123456)
    with Emulator(clock=clock) as emulator:
        emulator.scripts.play("odd", [(number / 7, "JOB_STATE_RUNNING") for number in range(1, 700)] + [(100, "JOB_STATE_DONE")])
        ask = Asker(emulator.url)
        job = ask.launch("odd")
        clock.advance(100)
        assert ask.state(job) == "JOB_STATE_DONE"


@pytest.mark.parametrize(
    "wrong",
    [
        {"pattern": "x", "steps": [[0, "RUNNING"]]},
        {"pattern": "x", "steps": [[2, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"]]},
        {"pattern": "x", "steps": [[0, {"nope": 1}]]},
        {"pattern": "x", "steps": [[0, {"message": "m", "colour": "red"}]]},
        {"name": "x"},
        {"pattern": "x", "type": "BATCH"},
    ],
)
def test_a_wrong_script_is_refused(wrong: Json) -> None:
    with pytest.raises(ValueError, match=r"has no|must ascend|a step|not a job state|type must"):
        Script.from_json(wrong)


def test_ten_thousand_jobs_are_started_listed_and_ended() -> None:
    clock, scripts = ManualClock(), Scripts()
    scripts.play("*", [(1, "JOB_STATE_RUNNING"), (5, JobMessage("Nearly.")), (6, "JOB_STATE_DONE")])
    world = World(clock=clock, engine=ScriptedEngine(clock, scripts), objects=Objects())

    def call(method: object, body: Json, **query: object) -> Json:
        asked = Call(method=method, project="p", location="l", named=True, path={}, query=query, body=body)  # type: ignore[arg-type]
        reply = answers.of(asked.method)(world, asked)
        return json.loads(reply) if isinstance(reply, bytes) else reply

    for number in range(10_000):
        call(Template.launch, {"jobName": f"job-{number}"}, gcsPath="gs://b/t")
    clock.advance(1)
    for _ in range(5):
        names, query = [], {"filter": "ACTIVE", "pageSize": 1000}
        while True:
            page = call(Job.list, {}, **query)
            names += [job["name"] for job in page["jobs"]]
            if "nextPageToken" not in page:
                break
            query["pageToken"] = page["nextPageToken"]
        assert names == [f"job-{number}" for number in reversed(range(10_000))]
    clock.advance(5)
    assert call(Job.list, {}, filter="ACTIVE") == {}
