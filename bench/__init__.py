"""What the README claims, runnable: each module prints a table and, as its last line, one JSON object with its figures."""

from __future__ import annotations

import os

# Whatever this machine's setting says, what is measured keeps its bytecode, as an installation does.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
