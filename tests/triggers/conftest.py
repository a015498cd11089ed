"""Triggers against the emulator, with pauses that a test can wait for."""

from __future__ import annotations

from tests.operators.conftest import connected

__all__ = ["connected"]
