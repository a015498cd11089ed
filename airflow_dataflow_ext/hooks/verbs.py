"""A verb of a hook: written once as a conversation, called synchronously or awaited."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.steps import Conversation

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound="Runs")


class Runs(Protocol):
    """What a hook must offer for its verbs: to perform a conversation in either way."""

    def run(self, conversation: Conversation[R]) -> R:
        """Perform it now."""

    async def arun(self, conversation: Conversation[R]) -> R:
        """Perform it on the running event loop."""


class BoundVerb(Generic[P, R]):
    """One verb of one hook: ``hook.get_job(...)`` now, ``await hook.get_job.aio(...)`` on an event loop, and
    ``hook.get_job.conversation(...)`` as a part of a longer conversation."""

    def __init__(self, hook: Runs, conversation: Callable[P, Conversation[R]]) -> None:
        self._hook = hook
        self.conversation = conversation

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._hook.run(self.conversation(*args, **kwargs))

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._hook.arun(self.conversation(*args, **kwargs))


class verb(Generic[H, P, R]):  # noqa: N801  (used as a decorator)
    """Makes a method that returns a conversation into a verb."""

    def __init__(self, function: Callable[Concatenate[H, P], Conversation[R]]) -> None:
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, hook: H, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return BoundVerb(hook, functools.partial(self._function, hook))(*args, **kwargs)

    @overload
    def __get__(self, hook: None, owner: type) -> verb[H, P, R]: ...

    @overload
    def __get__(self, hook: H, owner: type) -> BoundVerb[P, R]: ...

    def __get__(self, hook: Any, owner: type) -> Any:
        if hook is None:
            return self
        return BoundVerb(hook, functools.partial(self._function, hook))
