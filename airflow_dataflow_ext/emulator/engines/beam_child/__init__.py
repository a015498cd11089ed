"""The program that runs one pipeline in a process of its own. It imports apache-beam and nothing of the rest of this package."""

from __future__ import annotations
