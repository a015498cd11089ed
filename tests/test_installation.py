"""What a user gets with pip: the files of both distributions, the packages beside them, and Dataflow without anything of Salesforce."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from airflow_dataflow_ext import __version__
from bench.install import BESIDE, DATAFLOW_DAG, NAME, REMEDY, ROOT, WAVE_DAG, build, committed
from tests.airflow_task import needs_3_3

WAVE_MODULES = [f"airflow_dataflow_ext.{kind}.wave" for kind in ("hooks", "operators", "sensors", "triggers")]

# The program's own arguments are modules or DAG files to load where the Salesforce provider is not to be found.
WITHOUT_SALESFORCE = """
import importlib, importlib.metadata, runpy, sys
readers = [importlib.metadata]
if sys.version_info < (3, 12):  # as Airflow chooses
    import importlib_metadata
    readers.append(importlib_metadata)
found = importlib.metadata.distributions
for module in readers:
    module.distributions = lambda **which: (each for each in found(**which) if "salesforce" not in each.metadata["Name"])
for name in ("airflow.providers.salesforce", "simple_salesforce", "zeep", "lxml"):
    sys.modules[name] = None
for what in sys.argv[1:]:
    try:
        runpy.run_path(what) if what.endswith(".py") else importlib.import_module(what)
    except ImportError as error:
        print(f"{what}: {error}")
    else:
        print(f"{what}: loaded")
"""


def installed_with(*names: str) -> set[str]:
    """The names of all that pip installs with these, themselves included, by the metadata of what is installed here."""
    found: set[str] = set()
    left = [(canonicalize_name(Requirement(name).name), extra) for name in names for extra in ("", *Requirement(name).extras)]
    seen: set[tuple[str, str]] = set()
    while left:
        if (package := left.pop()) in seen:
            continue
        seen.add(package)
        found.add(package[0])
        for wanted in map(Requirement, metadata.requires(package[0]) or ()):
            if wanted.marker is None or wanted.marker.evaluate({"extra": package[1]}):
                left += [(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)]
    return found


def test_pip_adds_nothing_beside_airflow_and_the_google_provider() -> None:
    assert installed_with(NAME) - installed_with(*BESIDE) == {NAME}


@needs_3_3
def test_the_demo_installs_no_tool_of_the_tests() -> None:
    demo, everything = (installed_with(f"{NAME}[{extra}]") for extra in ("demo", "test,dev,docs,bench"))
    assert {"celery", "hypothesis", "mypy", "pytest", "ruff", "selenium", "sphinx"} & demo == set()
    assert len(demo) < len(installed_with(*BESIDE)) + 25 < len(everything)


@pytest.fixture(scope="module")
def without_salesforce() -> dict[str, str]:
    """What came of loading things where the Salesforce provider is not installed."""
    ours = ["airflow_dataflow_ext.provider_info", "airflow_dataflow_ext.plugin", "airflow_dataflow_ext.plugin.app"]
    command = [sys.executable, "-c", WITHOUT_SALESFORCE, *ours, *WAVE_MODULES, str(DATAFLOW_DAG), str(WAVE_DAG)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)


@pytest.mark.parametrize("module", WAVE_MODULES)
def test_without_the_salesforce_provider_a_wave_module_says_what_to_install(without_salesforce: dict[str, str], module: str) -> None:
    said = without_salesforce[module]
    assert "needs the Salesforce provider" in said
    assert said.endswith(REMEDY)


def test_without_the_salesforce_provider_a_wave_dag_says_what_to_install(without_salesforce: dict[str, str]) -> None:
    assert without_salesforce[str(WAVE_DAG)].endswith(REMEDY)


@pytest.mark.parametrize(
    "what", [str(DATAFLOW_DAG), "airflow_dataflow_ext.provider_info", pytest.param("airflow_dataflow_ext.plugin.app", marks=needs_3_3)]
)
def test_without_the_salesforce_provider_dataflow_works(without_salesforce: dict[str, str], what: str) -> None:
    assert without_salesforce[what] == "loaded"


PACKAGE_FILES = {path.as_posix() for path in committed() if path.parts[0] == "airflow_dataflow_ext"}
BESIDE_THE_PACKAGE = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(built[1])


def test_the_source_distribution_holds_what_makes_the_wheel_and_no_test(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    written_by_setuptools = {name for name in held if name == "PKG-INFO" or name.startswith("airflow_dataflow_ext.egg-info/")}
    assert held - written_by_setuptools == PACKAGE_FILES | BESIDE_THE_PACKAGE


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == PACKAGE_FILES
    assert {"airflow_dataflow_ext/py.typed", "airflow_dataflow_ext/provider_info.py"} <= PACKAGE_FILES


def test_the_wheel_has_the_licence_of_each_package_in_its_scripts(wheel: zipfile.ZipFile) -> None:
    packages = json.loads((ROOT / "ui" / "package-lock.json").read_text())["packages"]
    bundled = {
        f"{folder.removeprefix('node_modules/')} {row['version']}" for folder, row in packages.items() if folder and "dev" not in row
    }
    name = "airflow_dataflow_ext/plugin/static/LICENSES.txt"
    assert bundled == set(re.findall(r"^(\S+ \S+) \(.+\), part of jobs.js$", wheel.read(name).decode(), re.MULTILINE))
    assert [held for held in wheel.namelist() if held.endswith(f".dist-info/licenses/{name}")]


def test_the_wheel_names_its_licence_its_page_and_its_extras(wheel: zipfile.ZipFile) -> None:
    folder = next(name for name in wheel.namelist() if name.endswith("/METADATA")).rpartition("/")[0]
    said = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert (said["Name"], said["Version"], said["License"]) == (NAME, __version__, "Apache-2.0")
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert said.get_payload().startswith(f"# {NAME}")
    assert {"emulator", "openlineage", "salesforce"} <= set(said.get_all("Provides-Extra"))


def test_airflow_finds_provider_and_plugin_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    points = next(name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    installed = metadata.distribution(NAME).read_text("entry_points.txt")
    assert wheel.read(points).decode().split() == (installed or "").split()
    assert "provider_info:get_provider_info" in (installed or "")
