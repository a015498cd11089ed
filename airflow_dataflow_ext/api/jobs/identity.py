"""The identity of a logical launch."""

from __future__ import annotations

import hashlib

from msgspec import Struct


class LaunchIdentity(Struct, frozen=True, kw_only=True):
    """What distinguishes one logical launch from every other: the task of a DAG run, and a generation.

    :param generation: 0 for the first launch, and one more for each launch that must not be mistaken for an earlier one.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    generation: int = 0

    @property
    def suffix(self) -> str:
        """Ten characters for the job's name, the same on every worker and every try."""
        words = "\0".join((self.dag_id, self.run_id, self.task_id, str(self.map_index), str(self.generation)))
        return hashlib.sha256(words.encode()).hexdigest()[:10]
