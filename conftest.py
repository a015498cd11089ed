"""What every test may use, whichever folder it stands in."""

from __future__ import annotations

pytest_plugins = ["tests.plugins_airflow"]
