"""Installs the packages that a Beam client has staged with its pipeline, for one run."""

from __future__ import annotations

import importlib
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from apache_beam.runners.portability import stager

from .wire import Wire


class InstallError(Exception):
    """A staged package cannot be installed; the message contains pip's error output."""


def install(staged: Path, home: Path, wire: Wire) -> None:
    """Install the staged packages for this run alone; packages that this Python already has are not installed again.

    :param staged: the directory of the staged files.
    :param home: the directory for the packages; it is created if there is something to install.
    :raises InstallError: pip fails.
    """
    wanted = _wanted(staged)
    if not wanted:
        return
    wire.send("message", ["Installing the packages that are staged with the pipeline.", "JOB_MESSAGE_DETAILED"])
    # An environment on top of this one, so that pip sees the packages installed here and leaves them alone.
    venv.create(home, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (packages / "beneath.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")), "utf-8")
    for what in wanted:
        _pip(home, staged, what)
    sys.path.insert(0, str(packages))
    site.addsitedir(str(packages))
    importlib.invalidate_caches()


def _wanted(staged: Path) -> list[list[str]]:
    """The arguments of each pip install, in the order that Beam's own workers use."""
    wanted = []
    if (requirements := staged / stager.REQUIREMENTS_FILE).exists():
        wanted.append(["-r", str(requirements)])
    if (extra := staged / stager.EXTRA_PACKAGES_FILE).exists():
        wanted += [[str(staged / name)] for name in extra.read_text("utf-8").split()]
    if (setup := staged / stager.WORKFLOW_TARBALL_FILE).exists():
        wanted.append([str(setup)])
    return wanted


def _pip(home: Path, staged: Path, what: list[str]) -> None:
    python = home / "bin" / "python"
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location", "--find-links", str(staged)]
    # Source packages are built with the build tools installed here, which needs no network; if that fails, with their own.
    for isolation in (["--no-build-isolation"], []):
        done = subprocess.run(  # noqa: S603 - the program is this Python, the arguments are paths
            [sys.executable, "-m", "pip", "--python", str(python), *install, *isolation, *what], capture_output=True, text=True, check=False
        )
        if not done.returncode:
            return
    raise InstallError(f"Cannot install {Path(what[-1]).name}, which is staged with the pipeline: {done.stderr.strip()}")
