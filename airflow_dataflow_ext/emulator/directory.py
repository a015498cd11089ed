"""The directory of an emulator's files."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path


class Directory:
    """A data directory, which one emulator at a time uses, or a temporary one, which is made when it is first needed.

    :param data: the data directory, which need not exist yet; None for a temporary one.
    """

    def __init__(self, data: Path | None) -> None:
        self._data = data.absolute() if data else None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Create the data directory if there is none, and keep other emulators out of it.

        :raises OSError: it cannot be created or written.
        :raises ValueError: another emulator uses it.
        """
        if self._data is None:
            return
        self._data.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # which ends with the process, however that ends
        except BlockingIOError:
            raise ValueError(f"Another emulator uses {self._data}. Stop that one, or keep this one's data in another directory.") from None

    def path(self) -> Path:
        """The absolute path of the directory."""
        if self._data is not None:
            return self._data
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="dataflow-emulator-")
        return Path(self._temporary.name)

    def close(self) -> None:
        """Let other emulators use the data directory, or delete the temporary one."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
