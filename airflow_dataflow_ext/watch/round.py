"""The figures of a Board since its last report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

from msgspec import Struct

from airflow_dataflow_ext.api.rest.method import NoReply, Reply

log = logging.getLogger(__name__)


class Round(Struct):
    """The figures of one Board.

    :param waits: number of jobs that are waited for.
    :param looks: number of looks at jobs.
    :param requests: number of requests sent.
    :param errors: number of requests without a good answer.
    :param last_good_age: seconds since the last good answer.
    """

    waits: int = 0
    looks: int = 0
    requests: int = 0
    errors: int = 0
    last_good_age: float = 0.0


Report = Callable[[Hashable, Round], None]


class Figures:
    """Adds up a Board's figures and reports them.

    :param report: called with the place and the figures; None reports nothing.
    :param now: time at which the Board was created.
    """

    def __init__(self, place: Hashable, report: Report | None, now: float) -> None:
        self._place = place
        self._report = report
        self._good_at = now
        self.round = Round()

    def answered(self, answer: Reply | NoReply, now: float) -> None:
        """Count a request and its answer, if there is one."""
        self.round.requests += 1
        if isinstance(answer, Reply) and answer.ok:
            self._good_at = now
        else:
            self.round.errors += 1

    def report(self, waits: int, now: float) -> None:
        """Report the figures since the last report."""
        done, self.round = self.round, Round()
        if self._report is None:
            return
        done.waits, done.last_good_age = waits, now - self._good_at if waits else 0.0
        try:
            self._report(self._place, done)
        except Exception as error:  # a failed report must not end a wait
            log.warning("What the waits at %s cost cannot be reported: %s", self._place, error)
