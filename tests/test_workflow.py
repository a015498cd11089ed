"""The public CI runs what the project's own does, on each Python that the package names, and may do nothing else."""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
ON = WORKFLOW[True]  # YAML reads the word "on" so
JOBS: dict[str, Any] = WORKFLOW["jobs"]
RUNS = {"change": ".ci/run", "deployments": ".ci/deployments", "links": "make linkcheck"}


def versions() -> set[str]:
    """Of Python, by the classifiers."""
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    return set(re.findall(r":: (3\.\d+)$", setup["metadata"]["classifiers"], re.MULTILINE))


def test_a_change_is_tested_on_each_python_that_the_package_names() -> None:
    assert {"push", "pull_request"} <= ON.keys()
    assert set(JOBS["change"]["strategy"]["matrix"]["python"]) == versions()
    assert JOBS["change"]["container"]["image"].startswith("python:${{ matrix.python }}-")


def test_other_sites_and_other_deployments_are_looked_at_weekly_and_by_hand() -> None:
    assert {"schedule", "workflow_dispatch"} <= ON.keys()
    assert "!= 'schedule'" in JOBS["change"]["if"]
    for name in ("deployments", "links"):
        assert JOBS[name]["if"] == "github.event_name == 'schedule' || github.event_name == 'workflow_dispatch'"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_with_what_it_is_for(name: str) -> None:
    command = JOBS[name]["steps"][-1]["run"]
    assert command == RUNS[name]
    if command.startswith("make "):
        assert re.search(rf"^{command.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert os.access(ROOT / command, os.X_OK)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_a_limit_and_actions_of_a_stated_version(name: str) -> None:
    assert 0 < JOBS[name]["timeout-minutes"] <= 180
    used = [step["uses"] for step in JOBS[name]["steps"] if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@v\d+", action)] == []
    assert all(step["with"]["persist-credentials"] is False for step in JOBS[name]["steps"] if "checkout" in step.get("uses", ""))


def test_the_workflow_may_read_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [name for name, job in JOBS.items() if "permissions" in job] == []
