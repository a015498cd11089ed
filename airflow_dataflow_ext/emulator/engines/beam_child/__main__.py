"""The entry point. It is started by its path, with any Python that has apache-beam, even if this package is not installed there."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType


def _program() -> ModuleType:
    # Not through sys.path, where the modules beside this directory would hide other modules of the same names.
    package = ModuleType("beam_child")
    package.__path__ = [str(Path(__file__).resolve().parent)]
    sys.modules["beam_child"] = package
    return importlib.import_module("beam_child.program")


if __name__ == "__main__":
    sys.exit(_program().main())
