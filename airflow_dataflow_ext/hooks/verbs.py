"""A hook's method that is written once as a conversation, and can be called, awaited, or used in another conversation."""

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
    """What a hook must offer: performing a conversation synchronously and asynchronously."""

    def run(self, conversation: Conversation[R]) -> R:
        """Perform it now."""

    async def arun(self, conversation: Conversation[R]) -> R:
        """Perform it on the running event loop."""


class BoundVerb(Generic[P, R]):
    """One such method of one hook: ``hook.get_job(...)`` blocks, ``await hook.get_job.aio(...)`` runs on an event loop, and
    ``hook.get_job.conversation(...)`` is part of a longer conversation."""

    def __init__(self, hook: Runs, conversation: Callable[P, Conversation[R]]) -> None:
        self._hook = hook
        self.conversation = conversation

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._hook.run(self.conversation(*args, **kwargs))

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._hook.arun(self.conversation(*args, **kwargs))


class verb(Generic[H, P, R]):  # noqa: N801  (used as a decorator)
    """Decorates a method that returns a conversation, so that it can be called in all three forms."""

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
