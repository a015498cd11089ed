"""Tests of what Airflow and pip see of the package."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from configparser import ConfigParser
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.configuration import AIRFLOW_HOME
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import airflow_dataflow_ext
from airflow_dataflow_ext.provider_info import get_provider_info

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_dataflow_ext"
COMMANDS = {
    "providers": ["providers", "list"],
    "plugins": ["plugins"],
    "links": ["providers", "links"],
    "configs": ["providers", "configs"],
}


@pytest.fixture(scope="module")
def airflow_says() -> dict[str, str]:
    """The output of some Airflow commands, which run side by side because each takes seconds to start."""
    assert AIRFLOW_HOME  # looked up first, so that the commands find airflow.cfg written and do not write it all at once
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "airflow", *words, "--output", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name, words in COMMANDS.items()
    }
    ended = {name: (*process.communicate(timeout=120), process.returncode) for name, process in running.items()}
    for name, (_, err, code) in ended.items():
        assert code == 0, f"{name}: {err}"
    return {name: out for name, (out, _, _) in ended.items()}


def rows(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(output[output.index("[") :])
    return found


def test_provider_info_keeps_to_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_provider_info_names_the_distribution() -> None:
    installed = metadata.distribution("airflow-dataflow-ext")
    assert get_provider_info()["package-name"] == canonicalize_name(installed.name)


def test_no_connection_type_is_taken_over() -> None:
    assert not {"connection-types", "hook-class-names"} & get_provider_info().keys()


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_every_module_that_provider_info_names_is_there(kind: str) -> None:
    for entry in get_provider_info()[kind]:
        for module in entry["python-modules"]:
            import_module(module)


def test_airflow_lists_the_provider_once(airflow_says: dict[str, str]) -> None:
    found = [row for row in rows(airflow_says["providers"]) if row["package_name"] == "airflow-dataflow-ext"]
    assert [row["version"] for row in found] == [metadata.version("airflow-dataflow-ext")]


def test_airflow_loads_the_plugin_once(airflow_says: dict[str, str]) -> None:
    found = [row for row in rows(airflow_says["plugins"]) if row["name"] == "airflow_dataflow_ext"]
    assert len(found) == 1


def test_airflow_finds_the_link_of_a_job(airflow_says: dict[str, str]) -> None:
    assert "airflow_dataflow_ext.links.dataflow.DataflowJobLink" in airflow_says["links"]


def test_the_entry_points_are_found_once() -> None:
    for group in ("apache_airflow_provider", "airflow.plugins"):
        ours = [point for point in metadata.entry_points(group=group) if point.value.startswith("airflow_dataflow_ext.")]
        assert len(ours) == 1, f"{ours}: is there an egg-info beside the sources? `make install` removes it"


def test_every_folder_with_code_is_a_package() -> None:
    folders = {module.parent for module in PACKAGE.rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


IN_A_NAMESPACE = {
    # packages that share their first name with others; the first that fits counts
    "airflow.providers.common.compat": "apache-airflow-providers-common-compat",
    "airflow.providers.google": "apache-airflow-providers-google",
    "airflow.providers.openlineage": "apache-airflow-providers-openlineage",
    "airflow.providers.salesforce": "apache-airflow-providers-salesforce",
    "airflow": "apache-airflow",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.storage": "google-cloud-storage",
    "google.oauth2": "google-auth",
    "google.pubsub_v1": "google-cloud-pubsub",
}
NOT_BY_IMPORT = {"docstring-parser", "google-api-python-client", "jinja2", "jsonschema", "pyyaml"}
"""What the emulator needs without importing it: Beam's YAML front end does, or it is read as data."""


def requirements(extra: str | None = None) -> set[str]:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    text = config["options"]["install_requires"] if extra is None else config["options.extras_require"][extra]
    return {canonicalize_name(Requirement(line).name) for line in text.split("\n") if line}


def distributions(modules: Iterable[Path]) -> set[str]:
    """The distributions of which something is imported, anywhere in these modules."""
    names: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names.add(node.module)
    foreign = {name for name in names if name.split(".")[0] not in {*sys.stdlib_module_names, "airflow_dataflow_ext", "demo"}}
    return {_distribution(name) for name in foreign}


def _distribution(name: str) -> str:
    found = next((dist for prefix, dist in IN_A_NAMESPACE.items() if f"{name}.".startswith(f"{prefix}.")), None)
    return found or canonicalize_name(metadata.packages_distributions()[name.split(".")[0]][0])


def test_setup_names_exactly_what_the_package_imports() -> None:
    ours = [module for module in PACKAGE.rglob("*.py") if "emulator" not in module.parts]
    assert distributions(ours) == requirements() | requirements("openlineage") | requirements("salesforce")


def test_setup_names_exactly_what_the_demo_imports_beside_that() -> None:
    assert distributions((ROOT / "demo").rglob("*.py")) <= requirements() | requirements("demo")


def test_setup_names_exactly_what_the_emulator_imports_beside_that() -> None:
    beside = distributions((PACKAGE / "emulator").rglob("*.py")) - requirements()
    assert beside <= requirements("emulator")
    assert requirements("emulator") - beside <= NOT_BY_IMPORT


def test_the_readme_names_the_versions_that_setup_allows() -> None:
    readme, setup = (ROOT / "README.md").read_text("utf-8"), ConfigParser()
    setup.read(ROOT / "setup.cfg")
    least = {Requirement(line).name: str(Requirement(line).specifier) for line in setup["options"]["install_requires"].split()}
    rows = re.findall(r"^\| ([0-9x., ]+) \| (.+) \|$", readme, re.MULTILINE)
    supported = {version for versions, text in rows if text != "not supported" for version in versions.split(", ")}
    assert f">={min(supported)}" == least["apache-airflow"]
    assert f"Python {setup['options']['python_requires'].removeprefix('>=')} or newer" in readme


def test_the_version_stands_in_one_place() -> None:
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: airflow_dataflow_ext.__version__"
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    wheels = {name for page in pages for name in re.findall(r"airflow_dataflow_ext-(.+?)-py3-none-any\.whl", page.read_text("utf-8"))}
    assert wheels == {airflow_dataflow_ext.__version__}, "what a reader copies from the pages names the wheel of this version"


def test_no_pattern_of_package_data_is_idle() -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    patterns = [pattern.strip() for pattern in config["options.package_data"]["*"].split(",")]
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "."], cwd=PACKAGE, capture_output=True, text=True, check=True)
    files = {PACKAGE / line for line in listed.stdout.splitlines() if not line.endswith(".py")}
    packages = {module.parent for module in PACKAGE.rglob("__init__.py")}
    taken = {pattern: {file for package in packages for file in package.glob(pattern)} for pattern in patterns}
    assert {file for file in files if file.is_file()} - set().union(*taken.values()) == set()
    assert [pattern for pattern, found in taken.items() if not found & files] == []


CONSTRAINTS = sorted(ROOT.glob("constraints*.txt"))


@pytest.mark.parametrize("file", CONSTRAINTS, ids=lambda file: file.name)
def test_constraints_are_names_and_versions_only(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w.'=<>!*() -]+)?", line)] == []


@pytest.mark.parametrize("file", CONSTRAINTS, ids=lambda file: file.name)
def test_every_requirement_is_pinned(file: Path) -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    extras = dict(config["options.extras_require"])
    if file.name != "constraints.txt":
        del extras["docs"]  # the pages are built with the newest Airflow alone
    texts = [config["options"]["install_requires"], *extras.values()]
    wanted = {canonicalize_name(Requirement(line).name) for text in texts for line in text.split("\n") if line}
    pinned = {line.partition("==")[0] for line in file.read_text().splitlines()}
    assert wanted - pinned == {"airflow-dataflow-ext"}
