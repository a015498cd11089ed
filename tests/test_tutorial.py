"""The tutorial and the page about testing a DAG, followed to the letter: their blocks are run, in a home folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.following import EMULATOR, Follower, blocks
from demo.stack import free_port

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each `airflow dags test` of the page printed."""
    home, port = tmp_path_factory.mktemp("home"), free_port()

    def adapt(commands: str) -> str:
        return commands.replace(".venv/bin/", f"{Path(sys.executable).parent}/").replace(EMULATOR, f"{EMULATOR} --port {port}")

    settings = {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "NO_PROXY": "localhost,127.0.0.1"}
    newcomer = Follower(home, home, settings, adapt)
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    try:
        printed = [(block, newcomer.follow(block)) for block in blocks(page) if "make demo" not in block.text]
    finally:
        newcomer.leave()
    assert newcomer.unwritten == []
    return [output for block, output in printed if "dags test" in block.text]


def test_the_tutorials_first_dag_succeeds(outputs: list[str]) -> None:
    assert "new_state=success" in outputs[0]
    assert "is in state JOB_STATE_DONE" in outputs[0]


def test_the_tutorials_misspelling_is_understood_before_a_job_is_launched(outputs: list[str]) -> None:
    assert "new_state=failed" in outputs[1]
    assert "did you mean inputFile?" in outputs[1]
    assert "is in state JOB_STATE" not in outputs[1]


def test_the_tutorials_failed_job_says_why(outputs: list[str]) -> None:
    assert "new_state=failed" in outputs[2]
    assert "Causes: out of memory." in outputs[2]
    assert "JOB_STATE_FAILED" in outputs[2]


def test_the_tests_of_a_dag_pass(tmp_path: Path) -> None:
    newcomer = Follower(
        tmp_path,
        tmp_path,
        {"PYTHONPATH": str(ROOT), "NO_PROXY": "localhost,127.0.0.1"},
        lambda commands: f'PATH="{Path(sys.executable).parent}:$PATH"\n{commands}',
    )
    page = (ROOT / "docs" / "test-a-dag.md").read_text("utf-8")
    try:
        printed = [newcomer.follow(block) for block in blocks(page)]
    finally:
        newcomer.leave()
    assert "3 passed" in printed[-1]
