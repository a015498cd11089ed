"""Fixtures for triggers: the emulator as the default connection, and short pauses."""

from __future__ import annotations

from tests.operators.conftest import connected

__all__ = ["connected"]
