"""The current stacks of this process's threads."""

from __future__ import annotations

import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from .wire import LISTENER


def stacks() -> list[dict[str, Any]]:
    """A Stack of each thread, except the current one and the one that listens to the engine."""
    frames = sys._current_frames()
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    watching = (threading.current_thread().name, LISTENER)
    threads = {thread.name: frames[thread.ident] for thread in threading.enumerate() if thread.ident in frames}
    return [
        {"threadName": name, "threadCount": 1, "stackContent": "".join(traceback.format_stack(frame)), "timestamp": now}
        for name, frame in threads.items()
        if name not in watching
    ]
