"""A page of the docs, followed to the letter: its blocks are read from it and done in two shells, as a person at a terminal does them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

EMULATOR, DEMO = "-m airflow_dataflow_ext.emulator", "make demo KEEP=1"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"put\s+this\s+into\s+`([^`]+)`", re.IGNORECASE)
READY = {EMULATOR: "eval ", DEMO: "Press Ctrl-C to stop everything."}
"""What a program says once it serves."""
DONE = "the-block-is-done"


class FollowingError(Exception):
    """A step of the page cannot be done, or did not end well; the text says which and what was seen."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    :param kind: the language it is marked with: ``sh``, or that of a file to write.
    :param before: the page's text between the block before it and this one.
    :param after: the page's text up to the next block.
    """

    kind: str
    text: str
    before: str
    after: str

    @property
    def file(self) -> str:
        """The file that its text belongs into, as the page names it; empty where the page names none."""
        found = FILE.findall(self.before)
        return found[-1] if found else ""

    @property
    def serves(self) -> str:
        """The program in it that goes on until Ctrl-C; empty where it has none."""
        found = [program for program in READY if program in self.text and "--print-env" not in self.text]
        return found[0] if found else ""

    @property
    def says_to_stop(self) -> bool:
        """Whether the text before it says how the program that runs is ended."""
        return "Ctrl-C" in self.before

    @property
    def promises(self) -> list[str]:
        """What its output says, by the page: the words that the text after it has in italics."""
        return [" ".join(words.split()) for words in re.findall(r"(?<![*\w])\*([^*\n][^*]*)\*(?!\*)", self.after.partition("\n#")[0])]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in their order."""
    parts = BLOCK.split(page)  # text, then for each block its kind, its content, and the text after it
    return [Block(parts[at], parts[at + 1], parts[at - 1], parts[at + 2]) for at in range(1, len(parts), 3)]


class Shell:
    """A shell that keeps what is set in it.

    :param env: its whole environment.
    :param folder: where it is opened.
    """

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            env=env,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, commands: str, until: str = DONE, seconds: float = 900) -> str:
        """Type commands, and wait until they have said something; by default until they are done.

        :raises FollowingError: the shell ended, or it took longer than these seconds.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = []
        alarm = threading.Timer(seconds, self.kill)
        alarm.start()
        try:
            self._process.stdin.write(f"{{\n{commands}\n}} </dev/null\necho; echo {DONE}\n")
            self._process.stdin.flush()
            for line in self._process.stdout:
                if until in line or DONE in line:
                    break
                said.append(line)
            else:
                raise FollowingError(f"the shell ended, or was ended after {seconds:.0f} s, in:\n{commands}\n{_tail(said)}")
        finally:
            alarm.cancel()
        if until not in line:
            raise FollowingError(f"ended without saying {until!r}:\n{commands}\n{_tail(said)}")
        return "".join(said)

    def interrupt(self) -> None:
        """Press Ctrl-C, which reaches all that runs in the shell, and leave it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        self.leave()

    def leave(self, seconds: float = 90) -> None:
        """Close it, and kill what has not ended after these seconds."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        alarm = threading.Timer(seconds, self.kill)
        alarm.start()
        assert self._process.stdout is not None
        with self._process.stdout as output:
            output.read()
        self._process.wait()
        alarm.cancel()

    def kill(self) -> None:
        """End it and all of its session at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _tail(said: list[str]) -> str:
    return "".join(said[-30:])


class Follower:
    """Does what blocks say: one shell for the program that serves, a second one for everything else.

    :param home: the home folder.
    :param folder: where the shells are opened.
    :param env: more environment.
    :param adapt: changes a command before it is typed; a page that is followed as it stands needs none.
    """

    def __init__(
        self, home: Path, folder: Path, env: Mapping[str, str] | None = None, adapt: Callable[[str], str] = lambda text: text
    ) -> None:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "STORAGE_EMULATOR", "GOOGLE_", "PYTHON"))
        }
        kept.pop("VIRTUAL_ENV", None)
        self._env = {**kept, "HOME": str(home), **(env or {})}
        self._home, self._folder, self._adapt = home, folder, adapt
        self._second: Shell | None = None
        self._first: Shell | None = None
        self.unwritten: list[str] = []
        """What had to be done that no page says."""

    def follow(self, block: Block) -> str:
        """Do it; what it said.

        :raises FollowingError: it cannot be done.
        """
        if block.kind != "sh":
            return self._write(block)
        commands = self._adapt(block.text)
        if block.serves:
            if self._first is not None:
                if not block.says_to_stop:
                    self.unwritten.append(f"end what runs before: {block.text.strip()}")
                self.stop()
            self._first = Shell(self._env, self._folder)
            return self._first.run(commands, READY[block.serves])
        self._second = self._second or Shell(self._env, self._folder)
        return self._second.run(commands)

    def _write(self, block: Block) -> str:
        if not block.file:
            raise FollowingError(f"the page does not say into which file this belongs:\n{block.text}")
        file = self._folder / block.file.replace("~", str(self._home))
        try:
            file.write_text(block.text, "utf-8")
        except OSError as error:
            raise FollowingError(f"{block.file} cannot be written where the page says: {error}") from None
        return ""

    def stop(self) -> None:
        """Press Ctrl-C in the first shell."""
        first, self._first = self._first, None
        if first is not None:
            first.interrupt()

    def leave(self) -> None:
        """End what runs, and close both shells."""
        self.stop()
        second, self._second = self._second, None
        if second is not None:
            second.leave()
