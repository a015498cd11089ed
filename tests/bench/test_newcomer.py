"""The reading of the pages that a newcomer follows: each step is found in them, and one that is taken away is missed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bench.following import Follower, FollowingError, blocks
from bench.newcomer import IN_WORDS, RUNS, read_way

ROOT = Path(__file__).parents[2]
README, TUTORIAL = "README.md", "docs/tutorial.md"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A copy of the pages, to be changed."""
    (tmp_path / "docs").mkdir()
    for page in (README, TUTORIAL):
        shutil.copyfile(ROOT / page, tmp_path / page)
    return tmp_path


def change(file: Path, pattern: str, text: str = "") -> None:
    changed, times = re.subn(pattern, text, file.read_text("utf-8"), flags=re.DOTALL)
    assert times, f"{file.name} has no {pattern}"
    file.write_text(changed, "utf-8")


def test_every_step_stands_in_the_pages() -> None:
    way = read_way(ROOT)
    assert way.unwritten == []
    assert way.demo.text.partition("#")[0].strip() == "make demo"
    assert way.kept.text == "make demo KEEP=1\n"
    assert [name for name in way.names if name in RUNS] == list(RUNS)
    assert {"write ~/airflow/dags/first.py", "write scripts.json", "connect"} <= set(way.names)
    assert way.names.count("start the emulator") == 2
    assert way.job_list.endswith("/dataflow/jobs")


def test_the_page_says_what_a_failing_run_shows() -> None:
    promised = [block.promises for name, block in read_way(ROOT).tutorial if name in RUNS]
    assert promised[1:] == [["did you mean inputFile?"], ["out of memory"]]


@pytest.mark.parametrize("step", IN_WORDS)
def test_a_step_that_no_page_says_is_counted(pages: Path, step: str) -> None:
    page, words = IN_WORDS[step]
    change(pages / (page or TUTORIAL), words)
    assert read_way(pages).unwritten == [step]


@pytest.mark.parametrize(
    ("page", "pattern", "complaint"),
    [
        (README, r"\[tutorial\]", "has no link to the tutorial"),
        (README, r"make demo ", "no code block with the command make demo"),
        (TUTORIAL, r"make demo KEEP=1", "has no code block with make demo KEEP=1"),
        (TUTORIAL, r"```sh\nsed.*?```", "runs its DAG 2 times instead of 3"),
    ],
)
def test_a_command_that_is_taken_away_ends_the_way(pages: Path, page: str, pattern: str, complaint: str) -> None:
    change(pages / page, pattern)
    with pytest.raises(FollowingError, match=complaint):
        read_way(pages)


def test_a_file_that_the_page_does_not_name_is_not_guessed(tmp_path: Path) -> None:
    (block,) = blocks("Write this DAG:\n```python\npass\n```\n")
    with pytest.raises(FollowingError, match="does not say which file"):
        Follower(tmp_path, tmp_path).follow(block)


def test_a_folder_that_the_page_does_not_make_is_missed(tmp_path: Path) -> None:
    (block,) = blocks("Put this into `~/airflow/dags/first.py`:\n```python\npass\n```\n")
    with pytest.raises(FollowingError, match="cannot be written"):
        Follower(tmp_path, tmp_path).follow(block)


def test_a_second_emulator_needs_the_page_to_say_how_the_first_is_ended(tmp_path: Path) -> None:
    serve = "echo eval now; exec sleep 60  # -m airflow_dataflow_ext.emulator"
    follower = Follower(tmp_path, tmp_path)
    try:
        for block in blocks(f"```sh\n{serve}\n```\nCtrl-C ends it.\n```sh\n{serve}\n```\nAgain:\n```sh\n{serve}\n```\n"):
            follower.follow(block)
    finally:
        follower.leave()
    assert follower.unwritten == [f"stop the running program before: {serve}"]


def test_what_is_set_in_a_shell_stays(tmp_path: Path) -> None:
    follower = Follower(tmp_path, tmp_path)
    try:
        said = [follower.follow(block) for block in blocks("```sh\nexport BOOK=lear\n```\nthen\n```sh\necho $BOOK in $HOME\n```\n")]
    finally:
        follower.leave()
    assert said[1].split() == ["lear", "in", str(tmp_path)]
