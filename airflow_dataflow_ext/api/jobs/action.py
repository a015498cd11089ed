"""Actions on existing jobs that take a while, as values that a worker or the triggerer can carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class Action(Protocol):
    """An action on jobs. One conversation carries it out, and may be restarted at any time."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""

    def perform(self) -> Conversation[Any]:
        """Carry it out; returns JSON."""

    def xcoms(self, result: Any) -> Json:
        """What other tasks receive in addition to the result, by XCom name."""

    def serialize(self) -> Json:
        """The action as JSON, from which the service's trigger makes the same action."""


def carry_out(action: Action) -> Conversation[Json]:
    """Perform an action; returns ``{"result": ..., "xcoms": {...}}``, which is also the trigger's event."""
    result = yield from action.perform()
    return {"result": result, "xcoms": action.xcoms(result)}
