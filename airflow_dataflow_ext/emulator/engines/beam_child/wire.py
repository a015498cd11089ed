"""The socket between a pipeline's process and the engine.

Each line that the process sends is ``[name, value]``: the name of a ``Report`` method and its argument,
``running`` at the start of a pipeline, or ``done`` or ``failed`` at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

LISTENER = "engine"
"""The name of the thread that listens to the engine."""
GRACE = 3.0
"""Seconds for a pipeline's cleanup after the engine has gone."""


class Wire:
    """The socket to the engine; safe to use from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self.drain_asked = threading.Event()
        connection.set_inheritable(False)  # else a program that the pipeline starts could hold it open after our end
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()
        self._last: Callable[[], None] = lambda: None

    def request(self) -> dict[str, Any]:
        """Read what to run, which is the engine's first line, and start to listen for more."""
        request: dict[str, Any] = json.loads(self._lines.readline())
        threading.Thread(target=self._listen, name=LISTENER, daemon=True).start()
        return request

    def send(self, name: str, value: Any = None) -> None:
        with self._lock:
            try:
                self._connection.sendall(json.dumps([name, value]).encode() + b"\n")
            except OSError:
                # The engine is gone: wait until the listener ends all processes, because an exit now would leave those of the pipeline.
                time.sleep(2 * GRACE)
                raise

    @contextlib.contextmanager
    def before_the_end(self, clean_up: Callable[[], None]) -> Iterator[None]:
        """If the engine goes away while the context is open, call ``clean_up`` before the pipeline's processes are ended."""
        self._last, before = clean_up, self._last
        try:
            yield
        finally:
            self._last = before

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            for line in self._lines:
                if line.strip() == "drain":
                    self.drain_asked.set()
        # The engine is gone, so the result has no reader. End the whole process group; SIGTERM would end this process alone.
        end = threading.Timer(GRACE, _end_all)
        end.daemon = True
        end.start()
        try:
            self._last()
        finally:
            _end_all()


def _end_all() -> None:
    os.killpg(0, signal.SIGKILL)
