"""What a Board has done since its last report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from airflow_dataflow_ext.api.rest.method import NoReply, Reply

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """Figures of one Board.

    :param waits: for how many jobs somebody waits.
    :param looks: how many jobs were looked at.
    :param requests: how many requests were sent.
    :param errors: how many of them had no good answer.
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

    :param report: is called with the place and the figures; None for nobody.
    :param now: the time when the Board was made.
    """

    def __init__(self, place: Hashable, report: Report | None, now: float) -> None:
        self._place = place
        self._report = report
        self._good_at = now
        self.round = Round()

    def answered(self, answer: Reply | NoReply, now: float) -> None:
        """A request was answered, or was not."""
        self.round.requests += 1
        if isinstance(answer, Reply) and answer.ok:
            self._good_at = now
        else:
            self.round.errors += 1

    def report(self, waits: int, now: float) -> None:
        """Report what was added up since the last report."""
        done, self.round = self.round, Round()
        if self._report is None:
            return
        done.waits, done.last_good_age = waits, now - self._good_at if waits else 0.0
        try:
            self._report(self._place, done)
        except Exception as error:  # whoever waits must not suffer from that
            log.warning("What the waits at %s cost cannot be reported: %s", self._place, error)
