"""The packages that an installation from the wheel adds to Airflow and the Google provider.

``python -m bench.install`` installs into a fresh environment, with the versions of ``constraints.txt``. There it tries Airflow's commands,
a DAG for Dataflow and one for CRM Analytics, without and with the extra ``salesforce``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from bench.measuring import figures, table

ROOT = Path(__file__).parents[1]
NAME = "airflow-dataflow-ext"
CONSTRAINTS = ROOT / "constraints.txt"
BESIDE = ("apache-airflow", "apache-airflow-providers-google")
DATAFLOW_DAG, WAVE_DAG = ROOT / "dags" / "dataflow_flex_template.py", ROOT / "dags" / "wave_nightly.py"
REMEDY = "pip install 'airflow-dataflow-ext[salesforce]'"


def committed() -> list[Path]:
    """All files that git tracks or would add, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listed.stdout.splitlines() if (ROOT / (path := Path(line))).is_file()]


def build(folder: Path) -> tuple[Path, Path]:
    """Build the source distribution, and the wheel from it. This uses a copy of the sources, because a build leaves files beside them.

    :param folder: an empty folder for the copy and the results.
    :return: the source distribution and the wheel.
    """
    for path in committed():
        (target := folder / "sources" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    _uv("build", "--build-constraints", str(CONSTRAINTS), "--out-dir", str(folder), str(folder / "sources"))
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment with its own AIRFLOW_HOME.

    :param folder: the folder of the environment.
    """

    folder: Path

    def create(self) -> None:
        """Create the environment without any package."""
        _uv("venv", "--quiet", "--python", sys.executable, str(self.folder))

    def install(self, *packages: str) -> None:
        """Install packages, at the versions of the constraints."""
        _uv("pip", "install", "--quiet", "--python", str(self.folder), "--constraint", str(CONSTRAINTS), *packages)

    def packages(self) -> set[str]:
        """The names of the installed packages."""
        return {row["name"] for row in json.loads(_uv("pip", "list", "--python", str(self.folder), "--format", "json"))}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
        env = {**inherited, "AIRFLOW_HOME": str(self.folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        command = [str(self.folder / "bin" / "python"), *arguments]
        return subprocess.run(command, env=env, cwd=self.folder, capture_output=True, text=True, timeout=300)

    def lists(self, *words: str) -> bool:
        """Whether an Airflow command that lists something names the package on standard output, and not on standard error."""
        done = self.run("-m", "airflow", *words, "--output", "plain")
        shown, complaints = done.stdout.replace("_", "-"), done.stderr.replace("_", "-")
        return NAME in shown and NAME not in complaints

    def reads(self, dag: Path) -> str:
        """The last line of the error with which a DAG file fails; empty if it can be imported."""
        done = self.run(str(dag))
        return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def try_plain(environment: Environment) -> dict[str, bool]:
    """Checks that must succeed if the package is installed without extras."""
    return {
        "provider_listed": environment.lists("providers", "list"),
        "plugin_listed": environment.lists("plugins"),
        "dataflow_dag_read": environment.reads(DATAFLOW_DAG) == "",
        "wave_dag_names_the_remedy": REMEDY in environment.reads(WAVE_DAG),
    }


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _, wheel = build(Path(folder) / "wheel")
        environment = Environment(Path(folder) / "environment")
        environment.create()
        environment.install(*BESIDE)
        added: dict[str, set[str]] = {}
        held: dict[str, bool] = {}
        for what in ("", "[salesforce]", "[emulator]", "[demo]"):
            before = environment.packages() | {NAME}
            environment.install(f"{wheel}{what}")
            added[what] = environment.packages() - before
            if not what:
                held = try_plain(environment)
            elif what == "[salesforce]":
                held["wave_dag_read_with_the_extra"] = environment.reads(WAVE_DAG) == ""
    rows = [(NAME + what, len(names), ", ".join(sorted(names))) for what, names in added.items()]
    table(("installed, one after another", "packages added", "their names"), rows)
    figures({"added": len(added[""]), **held})
    return 0 if not added[""] and all(held.values()) else 1


def _uv(*arguments: str) -> str:
    env = {"UV_SYSTEM_CERTS": "1", **os.environ}
    done = subprocess.run([find_uv_bin(), *arguments], env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)[:200]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
