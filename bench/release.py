"""Checks whether the sources can be released: the changelog has a section for the version, and PyPI accepts the built files.

``python -m bench.release`` leaves the source distribution and the wheel in ``dist/``; ``make release-check`` runs tests first.
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
    """The faults of the changelog that prevent a release of the version, each with its remedy.

    :param text: the text of the changelog, in the form of https://keepachangelog.com/en/1.1.0/ .
    """
    waiting = UNRELEASED.search(text)
    faults = [f"there are entries under [Unreleased]: move them to the section of {version}"] if waiting and waiting[1].strip() else []
    released = [section for section in SECTION.finditer(text) if section["version"] != "Unreleased"]
    if not released or released[0]["version"] != version:
        newest = released[0]["version"] if released else "none"
        faults.append(f"the newest section is {newest}, but airflow_dataflow_ext.__version__ is {version}: correct one of them")
    elif not _is_day(released[0]["day"] or ""):
        faults.append(f"the section of {version} has no valid date: write ## [{version}] - {datetime.now(UTC).date()}")
    return faults


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def build_dist() -> list[Path]:
    """Replace the contents of ``dist/`` with newly built files."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        return [Path(shutil.copy(path, DIST)) for path in build(Path(folder) / "built")]


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    faults = [f"CHANGELOG.md: {fault}" for fault in faults_of_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), __version__)]
    if subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, build_dist())]).returncode:
        faults.append("PyPI would refuse the built files: see the messages above")
    print("\n".join(faults) or f"{__version__} can be released: its files are in dist/")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
