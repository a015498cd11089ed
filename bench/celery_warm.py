"""What a Celery worker imports before it forks, so that hundreds of task processes fit into some minutes; named in its ``imports``."""

from __future__ import annotations

import importlib
import os

from bench.chaos_executor import modules

for name in modules(os.environ.get("CHAOS_PROVIDER", "ours")):
    importlib.import_module(name)
