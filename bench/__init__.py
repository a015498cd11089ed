"""The measurements behind the claims of the README: each benchmark prints a table and, as its last line, one JSON object of figures."""

from __future__ import annotations

import os

# The measured programs write bytecode, as an installation does, even if this machine is set not to.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
