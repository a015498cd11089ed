"""Tests of the programs beside a demo: nothing of a stack outlives it, and two stacks do not share a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from demo.processes import Program, StackError, owned_by, sole_owner, stop

# Sleeps, and so does its child, which has another process group as Airflow's task processes have; says the child's pid.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
print(child.pid, flush=True)
time.sleep(60)
"""
DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def start(code: str, home: Path) -> tuple[Program, str]:
    """A running program, and the first line that it printed."""
    program = Program("sleeper", [sys.executable, "-c", code], env={**os.environ, **owned_by(home)}, log=home / "log")
    program.start()
    while "\n" not in (line := (home / "log").read_text()):
        program.check()
    return program, line.strip()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_stopping_a_program_ends_its_children(tmp_path: Path) -> None:
    program, child = start(PARENT, tmp_path)
    parent = program.pid
    stop([program])
    assert gone(parent)
    assert gone(int(child))


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    program, _ = start(DEAF, tmp_path)
    pid = program.pid
    stop([program], seconds=0.2)
    assert gone(pid)


def test_what_a_killed_run_left_is_ended_by_the_next(tmp_path: Path) -> None:
    program, child = start(PARENT, tmp_path)
    with sole_owner(tmp_path):
        assert program.process is not None
        assert program.process.wait(10) < 0
        assert gone(int(child))


def test_other_folders_programs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    program, _ = start(PARENT, tmp_path / "other")
    with sole_owner(tmp_path):
        program.check()
    stop([program], seconds=1)


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from demo.processes import sole_owner; sole_owner(Path({str(tmp_path)!r})).__enter__()"
    with sole_owner(tmp_path):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert "another run uses" in second.stderr
    with sole_owner(tmp_path):
        pass


def test_an_early_end_is_said_with_the_end_of_the_log(tmp_path: Path) -> None:
    program = Program("failing", [sys.executable, "-c", "raise SystemExit('no database')"], env=dict(os.environ), log=tmp_path / "log")
    program.start()
    assert program.process is not None
    program.process.wait()
    with pytest.raises(StackError, match=r"(?s)failing ended with code 1.*no database"):
        program.check()
