"""The tutorial, followed to the letter: its blocks are run, in a home folder and at a port of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.stack import free_port

ROOT = Path(__file__).parents[1]
EMULATOR = "-m airflow_dataflow_ext.emulator"
BLOCK = re.compile(r"^```(sh|python|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {"python": "airflow/dags/first.py", "json": "scripts.json"}


class Newcomer:
    """Two shells in an empty home folder; in one of them the emulator runs.

    :param home: the folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._port = free_port()
        self._emulator: subprocess.Popen[str] | None = None
        self._connect = ""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "STORAGE_EMULATOR", "GOOGLE_"))}
        self._env = {**kept, "HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "NO_PROXY": "localhost,127.0.0.1"}

    def follow(self, kind: str, block: str) -> str:
        """Do what a block of the page says; the output of its commands."""
        if kind in FILES:
            (self.home / FILES[kind]).write_text(block)
            return ""
        commands = block.replace(".venv/bin/", f"{Path(sys.executable).parent}/").replace(EMULATOR, f"{EMULATOR} --port {self._port}")
        if EMULATOR in block and "--print-env" not in block:
            self._serve(commands)
            return ""
        if "eval" in commands:
            self._connect = next(line for line in commands.splitlines() if "eval" in line)
        done = subprocess.run(["bash", "-c", f"{self._connect}\n{commands}"], env=self._env, cwd=self.home, capture_output=True, text=True)
        return done.stdout + done.stderr

    def _serve(self, command: str) -> None:
        self.leave()
        self._emulator = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], env=self._env, cwd=self.home, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._emulator.stdout is not None
        assert any("eval" in line for line in self._emulator.stdout), "the emulator did not start"

    def leave(self) -> None:
        """Press Ctrl-C in the emulator's shell."""
        if self._emulator is not None:
            self._emulator.send_signal(signal.SIGINT)
            self._emulator.communicate(timeout=60)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each `airflow dags test` of the page printed."""
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    newcomer = Newcomer(tmp_path_factory.mktemp("home"))
    blocks = [(kind, text) for kind, text in BLOCK.findall(page) if "make demo" not in text]
    try:
        printed = [(text, newcomer.follow(kind, text)) for kind, text in blocks]
    finally:
        newcomer.leave()
    return [output for text, output in printed if "dags test" in text]


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
