"""Malformed requests to the emulator: checks that each is refused in the service's form, and that a refusal changes nothing.

``python -m bench.fuzz [--requests N] [--bodies N] [--seed N] [--show N]`` sends arbitrary requests to Dataflow, the logins of Google and
Salesforce, CRM Analytics, the control calls and Cloud Storage, and then bodies made from Google's schemas, most of them broken in one
place. The last line is JSON. It counts in ``bare_500`` answers with an undocumented server error, in ``dropped`` connections that were
closed without an answer, in ``tracebacks`` those on standard error and in logs, in ``changed`` refusals that changed something, and in
``accepted_breaches`` calls whose acceptance or answer contradicts Google's discovery document.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.emulator import Emulator, ManualClock
from bench.fuzz_bodies import accepted_breach, body_calls
from bench.fuzz_client import Answer, Sent, exchange
from bench.fuzz_requests import SERVERS, any_request
from bench.fuzz_state import State
from bench.measuring import figures

FAULTS = ("bare_500", "dropped", "tracebacks", "changed", "accepted_breaches")
FRESH_EVERY = 100
"""The emulator is reset after this many requests, so that its state stays small."""


@dataclass
class Counts:
    """Counts faults of each kind, and prints the first examples."""

    show: int = 5
    found: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *facts: object) -> None:
        self.found[kind] += 1
        if self.found[kind] <= self.show:
            print(f"{kind}:", *(str(fact)[:600] for fact in facts), flush=True)


class _Tracebacks(logging.Handler):
    """Counts log records that have a traceback or the level ERROR."""

    def __init__(self, counts: Counts) -> None:
        super().__init__(logging.ERROR)
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self._counts.add("tracebacks", record.getMessage(), trace[-500:])


@contextmanager
def listening(counts: Counts) -> Iterator[None]:
    """Count every traceback that is logged or written to standard error."""
    handler, write = _Tracebacks(counts), sys.stderr.write

    def heard(text: str) -> int:
        if "Traceback (most recent call last)" in text:
            counts.add("tracebacks", text[-500:])
        return write(text)

    logging.getLogger().addHandler(handler)
    sys.stderr.write = heard  # type: ignore[method-assign]
    try:
        yield
    finally:
        sys.stderr.write = write  # type: ignore[method-assign]
        logging.getLogger().removeHandler(handler)


def fuzz(requests: int, bodies: int, seed: int, *, servers: Sequence[str] = tuple(SERVERS), show: int = 5) -> dict[str, Any]:
    """Send the requests, and return the counts."""
    counts, chance = Counts(show), random.Random(seed)
    with listening(counts), Emulator(clock=ManualClock(), gcs_port=0) as emulator:
        state = State(emulator)
        _run(state, counts, requests, lambda: any_request(chance, state, servers), _judge)
        _run(state, counts, bodies, lambda: body_calls(chance, state), _judge_body)
    found = {kind: counts.found[kind] for kind in (*FAULTS, "accepted")}
    return {"requests": requests + bodies, **found, "servers": list(servers), "seed": seed}


def _run(state: State, counts: Counts, number: int, make: Callable[[], Sent], judge: Callable[[Counts, Sent, Answer], None]) -> None:
    for turn in range(number):
        if turn % FRESH_EVERY == 0:
            state.begin()
        sent = make()
        before = state.seen(sent.port)
        answer = exchange(sent)
        if answer is None:
            counts.add("dropped", sent)
        else:
            judge(counts, sent, answer)
        if (answer is None or answer.status >= 400) and state.seen(sent.port) != before:
            counts.add("changed", sent, answer)
        state.restore()


def _judge(counts: Counts, sent: Sent, answer: Answer) -> None:
    if answer.status >= 500 and not answer.is_stated:
        counts.add("bare_500", sent, answer)
    if answer.status < 400:
        counts.found["accepted"] += 1


def _judge_body(counts: Counts, sent: Sent, answer: Answer) -> None:
    _judge(counts, sent, answer)
    if answer.status < 400 and (breach := accepted_breach(sent, answer)):
        counts.add("accepted_breaches", breach, sent, answer)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="number of arbitrary requests (default: %(default)s)")
    parser.add_argument("--bodies", type=int, default=10_000, help="number of bodies made from schemas (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="examples of each kind of fault to print (default: %(default)s)")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS), help="servers that get the requests (default: all)")
    options = parser.parse_args(arguments)
    counted = fuzz(options.requests, options.bodies, options.seed, servers=options.servers, show=options.show)
    figures(counted)
    return int(any(counted[kind] for kind in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
