"""A real Airflow and the emulator on this machine, for ``make demo`` and for tests and benchmarks that need the whole stack."""

from __future__ import annotations
