"""Imports the modules of the tasks in a Celery worker before it forks, so that its task processes start fast; Celery's ``imports``
names this module."""

from __future__ import annotations

import importlib
import os

from bench.chaos_executor import modules

for name in modules(os.environ.get("CHAOS_PROVIDER", "ours")):
    importlib.import_module(name)
