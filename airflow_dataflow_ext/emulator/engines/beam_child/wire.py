"""The socket between a pipeline's process and the engine.

Each line that the process sends is ``[name, value]``: the name of a ``Report`` method and its argument,
or ``running`` at the start of a pipeline, or ``done`` or ``failed`` at the end.
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
"""Seconds that a pipeline has left to clean up when the engine is gone."""


class Wire:
    """The socket to the engine; safe to use from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self.drain_asked = threading.Event()
        connection.set_inheritable(False)  # while a program that the pipeline starts holds it, our end would not be seen
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()
        self._last: Callable[[], None] = lambda: None

    def request(self) -> dict[str, Any]:
        """What to run: the first line that the engine sends."""
        request: dict[str, Any] = json.loads(self._lines.readline())
        threading.Thread(target=self._listen, name=LISTENER, daemon=True).start()
        return request

    def send(self, name: str, value: Any = None) -> None:
        with self._lock:
            try:
                self._connection.sendall(json.dumps([name, value]).encode() + b"\n")
            except OSError:
                time.sleep(2 * GRACE)  # the engine is gone: an exit now would leave what the pipeline started, so await the listener's end
                raise

    @contextlib.contextmanager
    def before_the_end(self, clean_up: Callable[[], None]) -> Iterator[None]:
        """Should the engine be gone while this is open, do this before the pipeline's processes end."""
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
        # The engine is gone, and so is whoever could want the result. Not by SIGTERM, which would end this process alone.
        end = threading.Timer(GRACE, _end_all)
        end.daemon = True
        end.start()
        try:
            self._last()
        finally:
            _end_all()


def _end_all() -> None:
    os.killpg(0, signal.SIGKILL)
