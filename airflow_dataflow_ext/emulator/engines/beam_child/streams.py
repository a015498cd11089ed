"""What a streaming pipeline may do before its sources end: windows that have closed, timers that are due.

Beam's in-process runner keeps all that follows a GroupByKey until its sources have ended. Here its queues give out what is ready before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apache_beam.runners.portability.fn_api_runner import execution, translations
from apache_beam.runners.worker import bundle_processor
from apache_beam.transforms import trigger
from apache_beam.utils import timestamp


def ready(context: Any, stage: str, watermark: int) -> Iterator[Any]:
    """The inputs of a stage that it may have now; they are taken from the runner's queues.

    :param context: the runner's execution context.
    :param watermark: of the sources, in microseconds since 1970.
    """
    mark = timestamp.Timestamp(micros=watermark)
    waiting, timed = context.queues.watermark_pending_inputs, context.queues.time_pending_inputs
    now = context.clock.time()
    for queue, moment in ((waiting, mark), (timed, now)):
        due = [key for key, data in queue._q if key[0] == stage and data.timers and key[1] <= moment]
        for key in due:
            yield _take(queue, key)
    held = waiting._keyed_elements.get((stage, timestamp.MAX_TIMESTAMP))
    if held is not None and _side_inputs_are_there(context, stage):
        manager = context.bundle_manager_for(context.stages[stage])
        parts = {name: _part(manager, name, held[1].data, mark) for name in list(held[1].data)}
        found = {name: part for name, part in parts.items() if part is not None}
        if found:
            empty = {name: execution.ListBuffer(None) for name in _inputs(context.stages[stage])}
            yield execution.DataInput({**empty, **found}, {})


def ring_all(context: Any) -> None:
    """Have every timer of real time ring now: nothing else is left to happen."""
    timed = context.queues.time_pending_inputs
    while len(timed):
        (stage, _), data = timed.deque()
        context.queues.ready_inputs.enque((stage, data))


def still_open(context: Any, stage: str) -> None:
    """More will come out of a stage, though it has nothing left to do at the moment."""
    manager = context.bundle_manager_for(context.stages[stage])
    for buffer_id in manager.stage_data_outputs.values():
        _, collection = translations.split_buffer_id(buffer_id)
        context.watermark_manager.get_pcoll_node(collection).set_produced_watermark(timestamp.MIN_TIMESTAMP)


def _take(queue: Any, key: Any) -> Any:
    """Take an element out of the middle of a queue."""
    element = queue._keyed_elements.pop(key)
    queue._q.remove(element)
    return element[1]


def _side_inputs_are_there(context: Any, stage: str) -> bool:
    node = context.watermark_manager.get_stage_node(stage)
    return all(side._produced_watermark >= timestamp.MAX_TIMESTAMP for side in node.side_inputs)


def _inputs(stage: Any) -> list[str]:
    return [part.unique_name for part in stage.transforms if part.spec.urn == bundle_processor.DATA_INPUT_URN]


def _part(manager: Any, name: str, data: Any, mark: Any) -> Any:
    """The part of an input that is ready; the rest stays where it was. None where nothing is."""
    buffer = data[name]
    if isinstance(buffer, execution.GroupingBuffer):
        return _closed(buffer, mark)
    if not any(buffer):
        return None
    data[name] = execution.ListBuffer(manager.get_input_coder_impl(name))
    return buffer


def _closed(buffer: Any, mark: Any) -> Any:
    """The elements whose windows have closed, or whose trigger waits for nothing."""
    windowing = buffer._windowing
    if windowing.is_default() or windowing.windowfn.is_merging():
        return None
    at_once = isinstance(windowing.triggerfn, trigger.Always)
    part = execution.GroupingBuffer(buffer._pre_grouped_coder, buffer._post_grouped_coder, windowing)
    for key, values in list(buffer._table.items()):
        done: list[Any] = []
        rest: list[Any] = []
        for value in values:
            closed = at_once or all(window.max_timestamp() < mark for window in value.windows)
            (done if closed else rest).append(value)
        if done:
            part._table[key] = done
            buffer._table[key] = rest
        if not rest:
            del buffer._table[key]
    return part if part._table else None
