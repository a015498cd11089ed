"""The program that runs one pipeline in its own process. It imports apache-beam, but nothing else of this package."""

from __future__ import annotations
