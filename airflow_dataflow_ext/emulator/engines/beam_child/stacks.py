"""What the threads of this process do at this moment."""

from __future__ import annotations

import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from .wire import LISTENER


def stacks() -> list[dict[str, Any]]:
    """A Stack of each thread but those that watch."""
    frames = sys._current_frames()
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    watching = (threading.current_thread().name, LISTENER)
    return [
        {"threadName": thread.name, "threadCount": 1, "stackContent": "".join(traceback.format_stack(frames[thread.ident])), "timestamp": stamp}
        for thread in threading.enumerate()
        if thread.name not in watching and thread.ident in frames
    ]
