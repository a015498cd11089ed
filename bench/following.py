"""Follows a page of the docs literally: reads its code blocks and carries them out in two shells, as a user at a terminal does."""

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
"""The text that each program prints once it is ready."""
DONE = "the-block-is-done"


class FollowingError(Exception):
    """A step of the page cannot be carried out or failed; the message contains the step and its output."""


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    :param kind: the language of the block: ``sh``, or that of a file to write.
    :param before: the page's text between the block before it and this one.
    :param after: the page's text up to the next block.
    """

    kind: str
    text: str
    before: str
    after: str

    @property
    def file(self) -> str:
        """The file that the page says to write the block to; empty if the page names none."""
        found = FILE.findall(self.before)
        return found[-1] if found else ""

    @property
    def serves(self) -> str:
        """The program in the block that runs until Ctrl-C; empty if there is none."""
        found = [program for program in READY if program in self.text and "--print-env" not in self.text]
        return found[0] if found else ""

    @property
    def says_to_stop(self) -> bool:
        """Whether the text before the block says how to stop the running program."""
        return "Ctrl-C" in self.before

    @property
    def promises(self) -> list[str]:
        """The words that the page expects in the block's output: those in italics in the text after it."""
        return [" ".join(words.split()) for words in re.findall(r"(?<![*\w])\*([^*\n][^*]*)\*(?!\*)", self.after.partition("\n#")[0])]


def blocks(page: str) -> list[Block]:
    """The code blocks of a page, in their order."""
    parts = BLOCK.split(page)  # text, then for each block its kind, its content, and the text after it
    return [Block(parts[at], parts[at + 1], parts[at - 1], parts[at + 2]) for at in range(1, len(parts), 3)]


class Shell:
    """A shell that runs commands one after another and keeps its variables.

    :param env: its complete environment.
    :param folder: its working directory.
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
        """Run commands, and return their output until they print a given text; by default until they end.

        :raises FollowingError: the shell ended, or the commands took longer than ``seconds``.
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
                raise FollowingError(f"the shell ended, or was killed after {seconds:.0f} s, while it ran:\n{commands}\n{_tail(said)}")
        finally:
            alarm.cancel()
        if until not in line:
            raise FollowingError(f"these commands ended without printing {until!r}:\n{commands}\n{_tail(said)}")
        return "".join(said)

    def interrupt(self) -> None:
        """Press Ctrl-C, which interrupts everything that runs in the shell, and close the shell."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        self.leave()

    def leave(self, seconds: float = 90) -> None:
        """Close the shell, and kill everything in it that has not ended after ``seconds``."""
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
        """Kill the shell and everything in its session."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _tail(said: list[str]) -> str:
    return "".join(said[-30:])


class Follower:
    """Carries out blocks: programs that run until Ctrl-C in one shell, everything else in a second one.

    :param home: the home folder.
    :param folder: the working directory of the shells.
    :param env: additional environment variables.
    :param adapt: changes a command before it is run; by default, commands are run as they are.
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
        """Steps that had to be done and are missing in the page."""

    def follow(self, block: Block) -> str:
        """Carry out a block, and return its output.

        :raises FollowingError: the block cannot be carried out.
        """
        if block.kind != "sh":
            return self._write(block)
        commands = self._adapt(block.text)
        if block.serves:
            if self._first is not None:
                if not block.says_to_stop:
                    self.unwritten.append(f"stop the running program before: {block.text.strip()}")
                self.stop()
            self._first = Shell(self._env, self._folder)
            return self._first.run(commands, READY[block.serves])
        self._second = self._second or Shell(self._env, self._folder)
        return self._second.run(commands)

    def _write(self, block: Block) -> str:
        if not block.file:
            raise FollowingError(f"the page does not say which file to write this to:\n{block.text}")
        file = self._folder / block.file.replace("~", str(self._home))
        try:
            file.write_text(block.text, "utf-8")
        except OSError as error:
            raise FollowingError(f"{block.file}, which the page names, cannot be written: {error}") from None
        return ""

    def stop(self) -> None:
        """Press Ctrl-C in the first shell."""
        first, self._first = self._first, None
        if first is not None:
            first.interrupt()

    def leave(self) -> None:
        """Stop the running program, and close both shells."""
        self.stop()
        second, self._second = self._second, None
        if second is not None:
            second.leave()
