"""DAGs written for the Google provider run here when their import lines change, and every argument of its has its place here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.timeline import Autoscaling, JobMessage, Metrics, service_metric

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

DAGS = Path(__file__).parent / "dags"
PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
IMPORT = re.compile(r"^from airflow\.providers\.google\.cloud\.(hooks|operators|sensors|triggers)\.dataflow import", re.MULTILINE)
ENDS: dict[str, Any] = {
    "steps": [
        (0, "JOB_STATE_RUNNING"),
        (0, JobMessage("Adding workflow start and stop steps.", "JOB_MESSAGE_DEBUG")),
        (0, Autoscaling("Worker pool started.", 1, 1)),
        (0.2, Metrics([service_metric("TotalVcpuTime", "Service-cpu_num_seconds", 118)])),
        (0.5, "JOB_STATE_DONE"),
    ]
}
NOT_HERE = {"CheckJobRunning", "DataflowConfiguration"}
"""Classes that stay with the Google provider; the page says why."""


def migrated(name: str) -> str:
    """A DAG file with other import lines, and nothing else changed."""
    source = (DAGS / f"{name}.py").read_text()
    changed, lines = IMPORT.subn(r"from airflow_dataflow_ext.\1.dataflow import", source)
    assert lines
    return changed


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(gcs_port=0) as emulator:
        for name, value in emulator.connections().items():
            monkeypatch.setenv(name, value)
        emulator.scripts.play("*", **ENDS)
        yield emulator


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the Google provider and of Airflow's own
@pytest.mark.parametrize(("name", "jobs"), [("classic_and_flex", 4), ("yaml_pipeline", 2), ("sensors", 1), ("data_pipeline", 1)])
def test_a_dag_of_the_google_provider_runs_when_its_import_lines_change(
    cloud: Emulator, run_dag: Callable[..., DagRun], tmp_path: Path, name: str, jobs: int
) -> None:
    from tests.bags import read

    file = tmp_path / f"{name}.py"
    file.write_text(migrated(name))
    ended = run_dag(read(file)[0])
    assert {task.task_id: task.state for task in ended.get_task_instances() if task.state != "success"} == {}
    assert [entry["job"]["currentState"] for entry in cloud.jobs.all()] == ["JOB_STATE_DONE"] * jobs


def stock(kind: str) -> dict[str, set[str]]:
    """Classes of the Google provider, and the arguments of each; read from its source, because importing it needs apache-beam."""
    spec = util.find_spec(f"airflow.providers.google.cloud.{kind}")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse((Path(spec.origin).parent / "dataflow.py").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            makers = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
            names = {argument.arg for maker in makers for argument in (*maker.args.args, *maker.args.kwonlyargs)}
            found[node.name] = names - {"self"}
    return found


def arguments(kind: type) -> set[str]:
    """All arguments of a class, those of its bases included."""
    return {
        name for base in kind.__mro__ if base.__module__.startswith("airflow_dataflow_ext") for name in inspect.signature(base).parameters
    }


CLASSES = [(kind, name) for kind in ("operators", "sensors") for name in stock(kind) if name not in NOT_HERE]


@pytest.mark.parametrize(("kind", "name"), CLASSES)
def test_every_class_and_argument_of_the_google_provider_is_here(kind: str, name: str) -> None:
    ours = getattr(import_module(f"airflow_dataflow_ext.{kind}.dataflow"), name)
    assert stock(kind)[name] - arguments(ours) == set()


@pytest.mark.parametrize(("kind", "name"), [*CLASSES, *(("operators", name) for name in sorted(NOT_HERE))])
def test_the_page_lists_every_class_and_argument(kind: str, name: str) -> None:
    page = PAGE.read_text()
    assert f"`{name}`" in page
    assert [argument for argument in stock(kind)[name] if name not in NOT_HERE and f"`{argument}`" not in page] == []


def test_the_page_says_what_replaces_each_method_of_the_hook() -> None:
    spec = util.find_spec("airflow.providers.google.cloud.hooks.dataflow")
    assert spec is not None
    assert spec.origin is not None
    [hook] = [node for node in ast.parse(Path(spec.origin).read_text()).body if getattr(node, "name", "") == "DataflowHook"]
    assert isinstance(hook, ast.ClassDef)
    methods = [node for node in hook.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    called = [node.name for node in methods if "staticmethod" not in map(ast.unparse, node.decorator_list)]
    page = PAGE.read_text()
    assert called
    assert [name for name in called if f"`{name}`" not in page] == []


def test_the_states_have_the_names_that_dags_import() -> None:
    from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
    from airflow_dataflow_ext.hooks.dataflow import DataflowJobStatus, DataflowJobType

    assert {getattr(DataflowJobStatus, state) for state in DATAFLOW} == set(DATAFLOW)
    assert DataflowJobStatus.TERMINAL_STATES == TERMINAL
    assert set(DATAFLOW) == DataflowJobStatus.TERMINAL_STATES | DataflowJobStatus.AWAITING_STATES
    assert DataflowJobStatus.FAILED_END_STATES | DataflowJobStatus.SUCCEEDED_END_STATES == TERMINAL
    assert DataflowJobType.JOB_TYPE_STREAMING == "JOB_TYPE_STREAMING"
