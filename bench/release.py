"""Whether the sources can be released as they are: the changelog has the version, and PyPI takes what is built.

``python -m bench.release`` leaves the source distribution and the wheel in ``dist/``; ``make release-check`` tests them first.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from airflow_dataflow_ext import __version__
from bench.install import ROOT, build

DIST = ROOT / "dist"
SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>.+))?$", re.MULTILINE)
UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def faults_of_changelog(text: str, version: str) -> list[str]:
    """What keeps a version from being released, in the words of somebody who is to mend it.

    :param text: of the changelog, in the form of https://keepachangelog.com/en/1.1.0/ .
    """
    waiting = UNRELEASED.search(text)
    faults = [f"entries stand under [Unreleased]: move them to the section of {version}"] if waiting and waiting[1].strip() else []
    released = [section for section in SECTION.finditer(text) if section["version"] != "Unreleased"]
    if not released or released[0]["version"] != version:
        newest = released[0]["version"] if released else "none"
        faults.append(f"the newest section is {newest} and airflow_dataflow_ext.__version__ {version}: one of them is wrong")
    elif not _is_day(released[0]["day"] or ""):
        faults.append(f"the section of {version} has no day: write ## [{version}] - {datetime.now(UTC).date()}")
    return faults


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def build_dist() -> list[Path]:
    """Build into ``dist/``, in place of what is there."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        return [Path(shutil.copy(path, DIST)) for path in build(Path(folder) / "built")]


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    faults = [f"CHANGELOG.md: {fault}" for fault in faults_of_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), __version__)]
    if subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, build_dist())]).returncode:
        faults.append("PyPI would refuse what is built: see above")
    print("\n".join(faults) or f"{__version__} can be released: it is in dist/")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
