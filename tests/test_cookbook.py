"""The cookbook: each recipe is run on the emulator as it stands on the page, and has the effect that its row says."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator, JobMessage, Metrics
from airflow_dataflow_ext.emulator.engines.timeline import service_metric
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from demo.bucket import Bucket
from tests.airflow_task import needs_3_3
from tests.asking import Asker

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[1]
PIPELINES = ROOT / "dags" / "pipelines"
SECTION = re.compile(r"^### (.+?)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(\w+\.yaml)`")
RECIPES = dict(SECTION.findall((ROOT / "docs" / "cookbook.md").read_text("utf-8")))
FILES = {"inbox/lear.txt": "Blow, winds", "inbox/hamlet.txt": "Words, words"}


def used(vcpu_hours: float) -> Metrics:
    return Metrics([service_metric("TotalVcpuTime", "Service-cpu_num_seconds", 3600 * vcpu_hours)])


BATCH: Any = [(0, "JOB_STATE_RUNNING"), (0.1, used(2)), (0.2, "JOB_STATE_DONE")]
STREAM: Any = [(0, "JOB_STATE_RUNNING")]
ROWS: Any = [
    *STREAM,
    (0.3, Metrics([{"name": {"origin": "user", "name": "rows_written", "context": {}}, "scalar": 7}])),
    (0.9, Metrics([{"name": {"origin": "user", "name": "rows_written", "context": {}}, "scalar": 1200}])),
]
WHY = JobMessage("Workflow failed. Causes: no price.", "JOB_MESSAGE_ERROR")
FAILS: Any = [(0, "JOB_STATE_RUNNING"), (0, WHY), (0.1, "JOB_STATE_FAILED")]
STOPS: Any = {"on_cancel": ((0.1, "JOB_STATE_CANCELLED"),), "on_drain": ((0.1, "JOB_STATE_DRAINED"),)}


class Cloud:
    """An emulator, a bucket of it, and a chat, to which the environment's connections and variables lead.

    :param texts: what is said in the chat, whose address is ``chat``.
    """

    def __init__(self, emulator: Emulator, patch: pytest.MonkeyPatch, texts: list[str], chat: str) -> None:
        self.emulator = emulator
        self.patch = patch
        self.texts = texts
        variables = {"AIRFLOW_VAR_CHAT_WEBHOOK": chat, "AIRFLOW_VAR_SALES_CONNECTOR": next(iter(emulator.wave.connectors))}
        for name, value in {**emulator.connections(), **variables}.items():
            patch.setenv(name, value)
        emulator.settings.change(snapshot_seconds=0.1)
        emulator.scripts.play("*", BATCH, **STOPS)
        self.stream("ticks*")
        emulator.wave.scripts.play("*", wait=0.0, seconds=0.2)
        bucket = Bucket(emulator.gcs_url, "my-bucket")
        for template in ("wordcount", "ticks"):
            bucket.write(f"templates/{template}.json", (PIPELINES / f"{template}.json").read_text())
        for name, text in FILES.items():
            bucket.write(name, text)

    def stream(self, pattern: str, steps: Any = STREAM) -> None:
        self.emulator.scripts.play(pattern, steps, type="JOB_TYPE_STREAMING", **STOPS)

    def launch(self, *names: str) -> None:
        """What somebody else launches."""
        for name in names:
            Asker(self.emulator.url, project=PROJECT).launch(name)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, in the sequence of their launches."""
        return [entry["job"] for entry in self._entries]

    @property
    def parameters(self) -> list[dict[str, str]]:
        """What each job was given."""
        return [entry["parameters"] for entry in self._entries]

    @property
    def _entries(self) -> list[dict[str, Any]]:
        return sorted(self.emulator.jobs.all(), key=lambda entry: str(entry["job"]["createTime"]))

    def sent(self, method: str) -> Any:
        """The body of the last call."""
        return self.emulator.requests.of(method)[-1].body


Runs = Sequence["DagRun"]


def nothing(*_: Any) -> None:
    """Nothing is there before, or nothing else is asked."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a recipe does.

    :param jobs: how its Dataflow jobs have ended, or that they run on, in the sequence of their launches.
    :param runs: the labels of what has run in CRM Analytics.
    :param state: of the DAG's run.
    :param days: run it for the first days of its own schedule.
    :param given: what there is before.
    :param then: what else must be true.
    """

    jobs: str = ""
    runs: Sequence[str] = ()
    state: str = "success"
    days: int = 0
    given: Callable[[Cloud, DAG], None] = nothing
    then: Callable[[Cloud, Runs], None] = nothing


def a_job_fails(cloud: Cloud, dag: DAG) -> None:
    cloud.emulator.scripts.play("*", FAILS)


def the_chat_knows_why(cloud: Cloud, runs: Runs) -> None:
    (text,) = cloud.texts
    assert "no price" in text
    assert cloud.jobs[1]["id"] in next(line for line in text.splitlines() if line.startswith("http"))


def each_file_has_a_job(cloud: Cloud, runs: Runs) -> None:
    assert sorted(entry["input"] for entry in cloud.parameters) == sorted(f"gs://my-bucket/{name}" for name in FILES)


def the_file_is_filled_in(cloud: Cloud, runs: Runs) -> None:
    assert f"gs://my-bucket/lines/{runs[0].logical_date:%Y-%m-%d}" in cloud.parameters[0]["yaml_pipeline"]


def the_table_is_read(cloud: Cloud, runs: Runs) -> None:
    assert "my-project.shop.orders" in cloud.parameters[0]["yaml_pipeline"]


def the_report_has_the_figures(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "report") == f"{cloud.jobs[0]['name']} ended as JOB_STATE_DONE and used 2.0000 vCPU hours"


def each_day_has_a_job(cloud: Cloud, runs: Runs) -> None:
    assert [entry["input"] for entry in cloud.parameters] == [f"gs://my-bucket/days/2026-01-0{day}/*.txt" for day in (1, 2, 3)]
    assert [job["name"][:16] for job in cloud.jobs] == [f"count-2026-01-0{day}" for day in (1, 2, 3)]


def rows_come(cloud: Cloud, dag: DAG) -> None:
    cloud.stream("ticks*", ROWS)


def the_dashboard_opens_after_the_rows(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "first_rows")["scalar"] == 1200
    assert result(runs, "open_the_dashboard") == "open"


def no_row_comes(cloud: Cloud, dag: DAG) -> None:
    cloud.stream("ticks*", [*STREAM, (0.5, "JOB_STATE_FAILED")])


def ticks_runs(cloud: Cloud, dag: DAG) -> None:
    cloud.launch("ticks")


def ticks_is_replaced(cloud: Cloud, runs: Runs) -> None:
    assert [job["name"] for job in cloud.jobs] == ["ticks", "ticks"]
    assert cloud.jobs[1]["replaceJobId"] == cloud.jobs[0]["id"]


def three_streams_run(cloud: Cloud, dag: DAG) -> None:
    cloud.stream("tocks")
    cloud.launch("ticks-eu", "ticks-us", "tocks")


def the_snapshot_is_where_it_starts(cloud: Cloud, runs: Runs) -> None:
    (environment,) = [entry.body["launchParameter"]["environment"] for entry in cloud.emulator.requests.of("flexTemplates.launch")][1:]
    snapshot = result(runs, "snapshot")
    assert environment["additionalPipelineOptions"] == [f"create_from_snapshot={snapshot['id']}"]
    assert snapshot["sourceJobId"] == cloud.jobs[0]["id"]


def a_job_ends(cloud: Cloud, dag: DAG) -> None:
    """The asset's own trigger sees the end of a job, and the run is started by its event, as the triggerer and the scheduler do it."""
    from airflow.models import dagrun
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    (asset,) = dag.schedule
    payload = asyncio.run(first_event(asset.watchers[0].trigger, lambda: cloud.launch("nightly-words-1")))
    make = dagrun.get_or_create_dagrun

    def started_by_the_event(**fields: Any) -> DagRun:
        run, session = make(**fields), fields["session"]
        with create_session(scoped=False) as other:
            (row,) = other.query(AssetModel).filter_by(name="nightly_words")
            asset_id = row.id
        run.consumed_asset_events.append(AssetEvent(asset_id=asset_id, extra={"from_trigger": True, "payload": payload}))
        session.commit()
        return run

    cloud.patch.setattr(dagrun, "get_or_create_dagrun", started_by_the_event)


async def first_event(trigger: Any, happens: Callable[[], None]) -> Any:
    trigger.poll_sleep = 0.1
    asyncio.get_running_loop().call_later(2, happens)
    async with asyncio.timeout(30):
        async for event in trigger.run():
            return event.payload


def the_run_knows_the_job(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "names") == ["nightly-words-1"]


def another_system_launches(cloud: Cloud, dag: DAG) -> None:
    cloud.emulator.scripts.play("shop-export", [(0, "JOB_STATE_RUNNING"), (3, "JOB_STATE_DONE")])
    cloud.launch("shop-export")


def the_job_waited_for_is_that(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "wait")["id"] == cloud.jobs[0]["id"]


def the_pipeline_has_run(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "create")["displayName"] == "words"
    assert result(runs, "run")["id"] == cloud.jobs[0]["id"]


def it_has_a_price(cloud: Cloud, runs: Runs) -> None:
    assert result(runs, "count")["estimatedCost"]["amount"] == pytest.approx(2 * 0.056)


def the_job_goes_wild(cloud: Cloud, dag: DAG) -> None:
    cloud.patch.setattr(budgets, "USAGE_EVERY", 0.1)
    cloud.emulator.scripts.play("count-*", [(0, "JOB_STATE_RUNNING"), (0.1, used(312)), (20, "JOB_STATE_DONE")], **STOPS)


def one_region_is_full(cloud: Cloud, dag: DAG) -> None:
    cloud.emulator.settings.change(full={"us-central1": "ZONE_RESOURCE_POOL_EXHAUSTED"})


def the_other_region_has_it(cloud: Cloud, runs: Runs) -> None:
    assert [job["location"] for job in cloud.jobs] == ["us-central1", "us-east1"]


def it_is_labelled(cloud: Cloud, runs: Runs) -> None:
    assert {"team": "books", "dag": "count_with_labels", "task": "count"}.items() <= cloud.jobs[0]["labels"].items()


def it_is_private(cloud: Cloud, runs: Runs) -> None:
    environment = cloud.sent("templates.launch")["environment"]
    assert environment["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert environment["subnetwork"].endswith("/regions/europe-west1/subnetworks/dataflow")
    assert cloud.jobs[0]["location"] == "europe-west1"


def it_has_the_flags(cloud: Cloud, runs: Runs) -> None:
    launch = cloud.sent("flexTemplates.launch")["launchParameter"]
    assert launch["containerSpecGcsPath"].endswith("wordcount.json")
    assert (launch["environment"]["machineType"], launch["environment"]["maxWorkers"]) == ("e2-standard-2", 5)
    assert launch["environment"]["additionalUserLabels"]["team"] == "books"
    assert cloud.jobs[0]["location"] == "europe-west1"


def the_emulator_impersonates(cloud: Cloud, dag: DAG) -> None:
    from google.auth import iam

    cloud.patch.setattr(iam, "_IAM_ENDPOINT", cloud.emulator.url + "/v1/projects/-/serviceAccounts/{}:generateAccessToken")


def it_was_somebody_else(cloud: Cloud, runs: Runs) -> None:
    asked = {entry.path.rpartition("/")[2] for entry in cloud.emulator.requests.of("iam.generateAccessToken")}
    assert asked == {"books-launcher@my-project.iam.gserviceaccount.com:generateAccessToken"}


def it_starts_in_the_triggerer(cloud: Cloud, dag: DAG) -> None:
    """A run in this process starts it on a worker; what a scheduler goes by is this."""
    assert dag.get_task("count").start_from_trigger is True


def the_chat_knows_the_rows(cloud: Cloud, runs: Runs) -> None:
    (text,) = cloud.texts
    assert text.splitlines()[:2] == ["Daily recipe is ready.", "Extract_Account: 1300 rows"]


EFFECTS: dict[str, list[Effect]] = {
    "A nightly job, with an alert that says why it failed": [
        Effect(jobs="DONE"),
        Effect(jobs="FAILED FAILED", state="failed", given=a_job_fails, then=the_chat_knows_why),
    ],
    "A job for each file": [Effect(jobs="DONE DONE", then=each_file_has_a_job)],
    "Beam YAML from a file": [Effect(jobs="DONE", then=the_file_is_filled_in)],
    "Beam YAML made by a function": [Effect(jobs="DONE", then=the_table_is_read)],
    "The result of a job for the next task": [Effect(jobs="DONE", then=the_report_has_the_figures)],
    "One job for each day of the past": [Effect(jobs="DONE DONE DONE", days=3, then=each_day_has_a_job)],
    "Start a stream, then wait for its first rows": [
        Effect(jobs="RUNNING", given=rows_come, then=the_dashboard_opens_after_the_rows),
        Effect(jobs="FAILED", state="failed", given=no_row_comes),
    ],
    "Replace a running stream by its next version": [Effect(jobs="UPDATED RUNNING", given=ticks_runs, then=ticks_is_replaced)],
    "Drain all streams of a name": [Effect(jobs="DRAINED DRAINED RUNNING", given=three_streams_run)],
    "Take a snapshot, and start from it": [Effect(jobs="CANCELLED RUNNING", then=the_snapshot_is_where_it_starts)],
    "Start a DAG when a job ends": [Effect(jobs="DONE", given=a_job_ends, then=the_run_knows_the_job)],
    "Wait for a job that another system launched": [Effect(jobs="DONE", given=another_system_launches, then=the_job_waited_for_is_that)],
    "Run a data pipeline outside its schedule": [Effect(jobs="DONE", then=the_pipeline_has_run)],
    "Stop a job that costs too much": [
        Effect(jobs="DONE", then=it_has_a_price),
        Effect(jobs="CANCELLED", state="failed", given=the_job_goes_wild),
    ],
    "Go elsewhere when a region is full": [Effect(jobs="FAILED DONE", given=one_region_is_full, then=the_other_region_has_it)],
    "Labels for the cost report": [Effect(jobs="DONE", then=it_is_labelled)],
    "Workers in a private network": [Effect(jobs="DONE", then=it_is_private)],
    "Launch as another service account": [Effect(jobs="DONE", given=the_emulator_impersonates, then=it_was_somebody_else)],
    "A task without any worker": [Effect(jobs="DONE", given=it_starts_in_the_triggerer)],
    "A recipe, then its row counts in a chat": [Effect(runs=["Daily recipe"], then=the_chat_knows_the_rows)],
    "A data sync before a dataflow": [Effect(runs=["SFDC_LOCAL", "Sales"])],
    "From gcloud": [Effect(jobs="DONE", then=it_has_the_flags)],
    "From Terraform": [Effect(jobs="DONE", then=it_has_the_flags)],
}


def result(runs: Runs, task_id: str) -> Any:
    """What a task of the first run has returned."""
    return next(ti for ti in runs[0].get_task_instances() if ti.task_id == task_id).xcom_pull(task_ids=task_id)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    texts: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Chat) as chat, Emulator(gcs_port=0, strict_faults=True) as emulator:
        threading.Thread(target=chat.serve_forever, args=(0.05,)).start()
        yield Cloud(emulator, monkeypatch, texts, f"http://127.0.0.1:{chat.server_port}")
        chat.shutdown()


def load(recipe: str, folder: Path) -> DAG:
    """The DAG of a recipe, read as Airflow reads it, with its other file beside it; it looks at its job without the usual pause."""
    from tests.bags import read

    for kind, block in BLOCK.findall(recipe):
        name = "recipe.py" if kind == "python" else FILE.findall(recipe)[0]
        (folder / name).write_text(block)
    (dag,) = read(folder / "recipe.py")
    for task in dag.tasks:
        if task.is_mapped:
            task.partial_kwargs["poll_sleep"] = 0.05
        vars(task).update({name: 0.05 for name in ("poke_interval", "poll_interval", "poll_sleep") if name in vars(task)})
    return dag


def first_days(dag: DAG, days: int) -> list[datetime]:
    """The dates of the runs that a scheduler makes first."""
    from airflow.serialization.serialized_objects import DagSerialization

    assert dag.catchup
    assert dag.start_date is not None
    known = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    infos = known.iter_dagrun_infos_between(dag.start_date, dag.start_date + timedelta(days=days - 1))
    return [info.logical_date for info in infos]


def test_each_recipe_has_a_row_and_each_row_a_recipe() -> None:
    assert list(EFFECTS) == list(RECIPES)


@needs_3_3
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of Airflow and its standard provider
@pytest.mark.parametrize(
    ("heading", "effect"),
    [
        pytest.param(heading, effect, id=f"{heading}{', otherwise' * number}")
        for heading, effects in EFFECTS.items()
        for number, effect in enumerate(effects)
    ],
)
def test_a_recipe_does_what_it_says(cloud: Cloud, run_dag: Callable[..., DagRun], tmp_path: Path, heading: str, effect: Effect) -> None:
    dag = load(RECIPES[heading], tmp_path)
    effect.given(cloud, dag)
    how = [{"logical_date": day} for day in first_days(dag, effect.days)] if effect.days else [{}]
    runs = [run_dag(dag, **fields) for fields in how]
    assert {run.state for run in runs} == {effect.state}
    assert " ".join(job["currentState"].removeprefix("JOB_STATE_") for job in cloud.jobs) == effect.jobs
    assert [run["label"] for run in cloud.emulator.wave.all_runs()] == list(effect.runs)
    effect.then(cloud, runs)
