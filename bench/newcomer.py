"""``python -m bench.newcomer``: times the steps of a newcomer who starts with the README.

The program clones the last commit into a temporary folder. It reads the commands from the clone's README and the tutorial that this links
to, and runs them unchanged, with an empty home folder. The last line is JSON: ``seconds`` of each step, ``total_s``, ``steps``, and
``unwritten``, the number of necessary steps that are missing in the pages.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from bench.following import DEMO, Block, Follower, FollowingError, blocks
from bench.measuring import figures, table
from demo.processes import sole_owner
from tests.browser import browser, needs_browser

ROOT = Path(__file__).parents[1]
IN_WORDS = {
    "clone": ("README.md", r"a\s+clone\s+of\s+this\s+repository"),
    "log in": ("README.md", r"asks\s+for\s+no\s+login"),
    "open the job's page": ("", r"links:\s.*to\s+each\s+job's\s+page\s+there"),
    "see the list of jobs": ("", r"<http://\S+>\s+lists\s+all\s+jobs"),
}
"""Steps that the pages describe in words; an empty page stands for the one that the README links to."""
RUNS = {"first DAG": "new_state=success", "misspelled": "new_state=failed", "failed job": "new_state=failed"}
"""The runs of the tutorial's DAG, and the text that Airflow prints for each."""
JOB_PAGE = re.compile(r"job in Airflow: (http\S+/plugin/dataflow-job)$", re.MULTILINE)


@dataclass(frozen=True)
class Way:
    """The steps on the pages.

    :param demo: the README's command that runs the demo.
    :param kept: the command that runs the demo until Ctrl-C.
    :param tutorial: the blocks after that, in their order.
    :param unwritten: steps that are missing in the pages.
    """

    demo: Block
    kept: Block
    tutorial: list[tuple[str, Block]]
    job_list: str
    unwritten: list[str]

    @property
    def names(self) -> list[str]:
        """The names of the steps, in their order."""
        return ["clone", "demo", "demo kept", "open the job's page", *(name for name, _ in self.tutorial)]


def read_way(root: Path) -> Way:
    """Read the steps from the pages in a clone.

    :raises FollowingError: the command of a step is missing.
    """
    readme = (root / "README.md").read_text("utf-8")
    if not (linked := re.search(r"\[tutorial\]\((docs/[\w-]+\.md)\)", readme)):
        raise FollowingError("README.md has no link to the tutorial")
    tutorial = (root / linked[1]).read_text("utf-8")
    texts = {"README.md": readme, "": tutorial}
    missing = [step for step, (page, words) in IN_WORDS.items() if not re.search(words, texts[page], re.DOTALL)]
    demo = _alone(next((block for block in blocks(readme) if "make demo" in block.text), None))
    steps = blocks(tutorial)
    kept = [at for at, block in enumerate(steps) if block.serves == DEMO]
    if not kept:
        raise FollowingError(f"{linked[1]} has no code block with {DEMO}")
    rest = steps[kept[0] + 1 :]
    runs = [block for block in rest if "dags test" in block.text]
    if len(runs) != len(RUNS):
        raise FollowingError(f"{linked[1]} runs its DAG {len(runs)} times instead of {len(RUNS)}: {', '.join(RUNS)}")
    names = dict(zip(map(id, runs), RUNS, strict=True))
    listed = re.search(r"<(http://\S+)>\s+lists\s+all\s+jobs", tutorial)
    named = [(names.get(id(block)) or _name(block), block) for block in rest]
    return Way(demo, steps[kept[0]], named, listed[1] if listed else "", missing)


def _alone(block: Block | None) -> Block:
    """The README's block with only the command that runs the demo once, without the one that keeps it running."""
    lines = [line for line in (block.text if block else "").splitlines() if "make demo" in line and "KEEP" not in line]
    if block is None or not lines:
        raise FollowingError("README.md has no code block with the command make demo")
    return Block(block.kind, lines[0], block.before, block.after)


def _name(block: Block) -> str:
    if block.kind != "sh":
        return f"write {block.file}"
    return "start the emulator" if block.serves else "connect" if "--print-env" in block.text else block.text.split()[0]


class Clock:
    """Seconds of each step; the times of a repeated step are added."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A context manager that times a step."""
        print(f"{sum(self.seconds.values()):6.1f} s  {name}", flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began


def walk(folder: Path, clock: Clock) -> Way:
    """Do all steps in an empty folder.

    :raises FollowingError: a step did not have the result that the pages describe.
    """
    clone, home = folder / "airflow-dataflow-ext", folder / "home"
    home.mkdir()
    with clock.step("clone"):
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    way = read_way(clone)
    settings = {"XDG_CONFIG_HOME": str(Path("~/.config").expanduser())}  # may contain this machine's package index
    follower = Follower(home, clone, settings)
    try:
        with clock.step("demo"):
            _expect(follower.follow(way.demo), "All counts are the same.")
        with clock.step("demo kept"):
            said = follower.follow(way.kept)
        with clock.step("open the job's page"):
            for link in _expect(said, JOB_PAGE):
                look_at(link, folder)
        for name, block in way.tutorial:
            with clock.step(name):
                _do(follower, name, block, way)
    finally:
        follower.leave()
        with sole_owner(clone / ".airflow"):
            pass  # this ends everything that a killed demo has left running
    way.unwritten.extend(follower.unwritten)
    return way


def _do(follower: Follower, name: str, block: Block, way: Way) -> None:
    said = follower.follow(block)
    if name in RUNS:
        _expect(said, RUNS[name])
        for promise in block.promises if "failed" in RUNS[name] else ():
            _expect(said, promise)
    if name == "first DAG" and way.job_list:
        reply = requests.get(way.job_list, timeout=30)
        reply.raise_for_status()
        _expect(reply.text, "count-words")


def _expect(said: str, what: str | re.Pattern[str]) -> list[str]:
    found = what.findall(said) if isinstance(what, re.Pattern) else [what] if what in said else []
    if not found:
        raise FollowingError(f"expected {what!r} in this output:\n{said[-4000:]}")
    return found


def look_at(link: str, folder: Path) -> None:
    """Open the link to a job's page without a login; also in Chromium, if it is installed.

    :raises FollowingError: the page does not show the job.
    """
    parts = urlsplit(link)
    origin = f"{parts.scheme}://{parts.netloc}"
    _, _, dag, _, run, _, task, *_ = parts.path.split("/")
    with requests.Session() as session:
        session.trust_env = False
        session.get(f"{origin}/api/v2/auth/login", params={"next": link}, timeout=60).raise_for_status()  # as the page itself does
        query = {"run_id": unquote(run), "task_id": task}
        reply = session.get(f"{origin}/dataflow-ext/dags/{dag}/job", params=query, timeout=60)
    _expect(reply.text, '"phase":"succeeded"')
    if needs_browser.args[0]:
        return
    with browser(folder / f"profile-{task}") as page:
        page.get(link)
        until = time.monotonic() + 90
        while not (shown := [state.text for state in page.find_elements("css selector", "[data-testid=head] [data-testid=state]")]):
            if time.monotonic() > until:
                raise FollowingError(f"{link} shows no job: {page.find_element('tag name', 'body').text[:2000]}")
            time.sleep(0.5)
    _expect(shown[0], re.compile("done|success"))


def main() -> int:
    argparse.ArgumentParser(prog="bench.newcomer", description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        try:
            way = walk(Path(folder), clock)
        except FollowingError as error:
            print(error, file=sys.stderr)
            return 1
    table(("step", "seconds"), [(name, f"{seconds:.1f}") for name, seconds in clock.seconds.items()])
    for step in way.unwritten:
        print(f"missing in the pages: {step}")
    seconds = {name: round(spent, 1) for name, spent in clock.seconds.items()}
    total = round(sum(clock.seconds.values()), 1)
    figures({"seconds": seconds, "total_s": total, "steps": len(way.names), "unwritten": len(way.unwritten)})
    return 1 if way.unwritten else 0


if __name__ == "__main__":
    sys.exit(main())
