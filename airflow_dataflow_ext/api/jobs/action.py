"""What is asked of jobs that are there already and takes a while: a frozen value that a worker or the triggerer can carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class Action(Protocol):
    """Something that is carried out to its end by one conversation, which may begin again at any time."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""

    def perform(self) -> Conversation[Any]:
        """Carry it out; returns JSON."""

    def xcoms(self, result: Any) -> Json:
        """What goes to other tasks beside the result, by the names of XComs."""

    def serialize(self) -> Json:
        """JSON from which its service makes the same action."""


def carry_out(action: Action) -> Conversation[Json]:
    """Perform an action; gives ``{"result": ..., "xcoms": {...}}``, also as a trigger's event."""
    result = yield from action.perform()
    return {"result": result, "xcoms": action.xcoms(result)}
