"""What Airflow loads in every process, and what is in the package."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext import plugin
from airflow_dataflow_ext.plugin import DataflowExtPlugin, Lazily
from airflow_dataflow_ext.task.compat import IS_3_3
from tests.airflow_task import needs_3_3

ROOT = Path(__file__).parents[2]
STATIC = Path(plugin.__file__).parent / "static"
LARGEST = 80 * 1024
HEAVY = ("fastapi", "airflow.api_fastapi", "requests", "aiohttp", "airflow_dataflow_ext.hooks", "airflow_dataflow_ext.plugin.")


def test_loading_the_plugin_loads_nothing_else() -> None:
    program = """
import json, sys
import airflow.plugins_manager
before = set(sys.modules)
import airflow_dataflow_ext.plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "airflow_dataflow_ext.plugin" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


@needs_3_3
def test_the_app_is_made_once_however_many_ask_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.plugin import app

    made = []

    async def answer(*_: Any) -> None:
        return None

    def build() -> Any:
        made.append(1)
        return answer

    async def together() -> None:
        lazily = Lazily()
        await asyncio.gather(*(lazily({}, answer, answer) for _ in range(5)))

    monkeypatch.setattr(app, "build", build)
    asyncio.run(together())
    assert made == [1]


def test_airflow_gets_the_pages_and_their_app_where_they_can_work() -> None:
    assert (DataflowExtPlugin.react_apps, DataflowExtPlugin.fastapi_apps) == ((plugin.PAGES, plugin.APPS) if IS_3_3 else ([], []))


def test_both_pages_come_from_one_script_below_any_path() -> None:
    bundles = {entry["bundle_url"] for entry in plugin.PAGES}
    assert len(bundles) == 1
    assert not bundles.pop().startswith(("/", "http"))
    script = (STATIC / "jobs.js").read_text("utf-8")
    assert all(f'"{entry["name"]}":' in script for entry in plugin.PAGES)


def test_the_script_is_small_and_brings_its_licences() -> None:
    assert len(gzip.compress((STATIC / "jobs.js").read_bytes(), 9)) <= LARGEST
    dependencies = json.loads((ROOT / "ui" / "package.json").read_text("utf-8"))["dependencies"]
    licences = (STATIC / "LICENSES.txt").read_text("utf-8")
    assert all(f"{name} {version}" in licences for name, version in dependencies.items())


def test_the_script_evaluates_nothing_and_writes_no_html() -> None:
    script = (STATIC / "jobs.js").read_text("utf-8")
    assert [word for word in ("eval(", "new Function", "dangerouslySetInnerHTML", "innerHTML", "document.cookie") if word in script] == []


def test_the_lock_names_no_registry() -> None:
    assert "http" not in (ROOT / "ui" / "package-lock.json").read_text("utf-8").replace("https://opencollective.com", "")
