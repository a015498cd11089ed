"""The emulator without Airflow: what it imports, and what has to be installed for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "try-a-pipeline.md"
# Airflow cannot be imported here, and a job is launched, run to its end and read.
ALONE = """
import http.client, json, sys, time
sys.modules["airflow"] = None
import airflow_dataflow_ext.emulator.__main__
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.images import Image
with Emulator(engine="beam", images={"i": "/no/such/pipeline.py"}) as emulator:
    emulator.objects.write("gs://b/spec.json", b'{"image": "i", "sdkInfo": {"language": "PYTHON"}}')
    client = http.client.HTTPConnection("localhost", int(emulator.url.rpartition(":")[2]))
    launch = {"launchParameter": {"jobName": "alone", "containerSpecGcsPath": "gs://b/spec.json"}}
    place = "/v1b3/projects/my-project/locations/us-central1"
    client.request("POST", f"{place}/flexTemplates:launch", json.dumps(launch), {"Content-Type": "application/json"})
    assert client.getresponse().status == 200
    while emulator.jobs.by_name("alone")[0]["currentState"] not in ("JOB_STATE_FAILED", "JOB_STATE_DONE"):
        time.sleep(0.1)
    emulator.environment()
print(json.dumps(sorted(name for name, module in sys.modules.items() if getattr(module, "__file__", None))))
"""


SHARED = ("backports", "google")
"""Names of packages that many distributions share."""


def test_the_emulator_serves_and_runs_where_there_is_no_airflow_and_needs_what_the_docs_install() -> None:
    done = subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", ALONE], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    owners = metadata.packages_distributions()
    tops = {name.partition(".")[0] for name in loaded} - {*SHARED, "airflow_dataflow_ext", "_distutils_hack"} - sys.stdlib_module_names
    needed = {normal(owner) for name in tops for owner in owners.get(name, ())}
    needed |= {normal(".".join(name.split(".")[:2])) for name in loaded if "." in name and name.partition(".")[0] in SHARED}
    assert needed
    assert needed <= brought_by(documented())


def documented() -> set[str]:
    """What the docs install for an emulator without Airflow."""
    line = next(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("pip install aiohttp"))
    return {normal(re.sub(r"\[.*?\]|'", "", word)) for word in line.removeprefix("pip install ").split()}


def brought_by(names: set[str]) -> set[str]:
    """These distributions and all that they require, extras effects."""
    found: set[str] = set()
    open_names = set(names)
    while open_names:
        name = open_names.pop()
        found.add(name)
        requirements = [line for line in metadata.requires(name) or () if "extra ==" not in line] if installed(name) else []
        open_names |= {normal(re.split(r"[ ;<>=!~\[(]", line, maxsplit=1)[0]) for line in requirements} - found
    return found


def installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
