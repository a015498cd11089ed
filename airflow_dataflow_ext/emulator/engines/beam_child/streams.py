"""Finds what a streaming pipeline can process before its sources end.

Beam's in-process runner holds back everything after a GroupByKey until its sources end. This module takes what is ready from its queues.
"""

from __future__ import annotations

from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution, translations
from apache_beam.runners.worker import bundle_processor
from apache_beam.utils import timestamp
from apache_beam.utils.windowed_value import WindowedValue

from .groups import Groups, is_gradual, is_immediate

_can_fuse = translations.Stage.can_fuse


def can_fuse(stage: Any, consumer: Any, context: Any) -> bool:
    """Whether Beam's runner may fuse two stages: not those between which elements wait for a side input without an end.

    A stage that reads a side input begins when the side input is complete. If it were fused with its source, the source would not begin.
    """
    parts = context.components.pcollections
    endless = any(parts[name].is_bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED for name in consumer.side_inputs())
    return not endless and bool(_can_fuse(stage, consumer, context))


def ready(context: Any, stage: str, watermark: int, groups: Groups) -> Any:
    """The input that a stage can process now, which is removed from the runner's queues; None if there is none.

    :param context: the runner's execution context.
    :param watermark: watermark of the sources, in microseconds since 1970.
    """
    waiting = context.queues.watermark_pending_inputs
    key = (stage, timestamp.MAX_TIMESTAMP)
    if key not in waiting._keyed_elements:
        return None
    if is_finished(context, stage):
        return at_the_end(stage, _take(waiting, key), groups)
    manager, data = context.bundle_manager_for(context.stages[stage]), waiting._keyed_elements[key][1].data
    mark = timestamp.Timestamp(micros=watermark)
    closed_only = not _side_inputs_are_there(context, stage)
    parts = {name: _part(manager, name, data, mark, closed_only) for name in list(data)}
    groups.take(stage, data)
    found = {name: part for name, part in parts.items() if part is not None} | groups.due(stage, mark, closed_only)
    return execution.DataInput({**_nothing(context.stages[stage]), **found}, {}) if found else None


def at_the_end(stage: str, given: Any, groups: Groups) -> Any:
    """The last input of a stage, with all groups that are left.

    :param given: this input as Beam's runner gives it.
    """
    nothing = {name: execution.ListBuffer(None) for name, buffer in given.data.items() if is_gradual(buffer)}
    if not nothing:
        return given
    groups.take(stage, given.data)
    return execution.DataInput({**given.data, **nothing, **groups.due(stage, timestamp.MAX_TIMESTAMP)}, given.timers)


def timers_alone(context: Any, stage: str, timers: Any) -> Any:
    """The input of a bundle that only fires these timers of a stage."""
    return execution.DataInput(_nothing(context.stages[stage]), timers)


def is_finished(context: Any, stage: str) -> bool:
    """Whether all inputs of a stage are complete, as on a bounded branch of the pipeline, and none of its own sources has more to read."""
    if any(name == stage for name, _ in context.queues.ready_inputs._q):
        return False
    return bool(context.watermark_manager.get_stage_node(stage).input_watermark() >= timestamp.MAX_TIMESTAMP)


def forget_side_inputs(context: Any, stage: str) -> None:
    """Discard what a stage has written for side inputs, which the runner has passed on and must not pass on again."""
    for buffer_id, _ in context.side_input_descriptors_by_stage.get(stage, {}).values():
        context.pcoll_buffers.pop(buffer_id, None)


def fire_all(context: Any) -> None:
    """Fire every real-time timer of a batch pipeline now, because nothing else is left to do."""
    timed = context.queues.time_pending_inputs
    while len(timed):
        (stage, _), data = timed.deque()
        context.queues.ready_inputs.enque((stage, data))


def still_open(context: Any, stage: str) -> None:
    """Mark the outputs of a stage as incomplete, although it has nothing left to do at the moment."""
    manager = context.bundle_manager_for(context.stages[stage])
    for buffer_id in manager.stage_data_outputs.values():
        _, collection = translations.split_buffer_id(buffer_id)
        context.watermark_manager.get_pcoll_node(collection).set_produced_watermark(timestamp.MIN_TIMESTAMP)


def _take(queue: Any, key: Any) -> Any:
    """Remove an element from the middle of a queue, and return it."""
    element = queue._keyed_elements.pop(key)
    queue._q.remove(element)
    return element[1]


def _side_inputs_are_there(context: Any, stage: str) -> bool:
    node = context.watermark_manager.get_stage_node(stage)
    return all(side._produced_watermark >= timestamp.MAX_TIMESTAMP for side in node.side_inputs)


def _nothing(stage: Any) -> dict[str, Any]:
    """An empty buffer for each input of a stage."""
    names = (part.unique_name for part in stage.transforms if part.spec.urn == bundle_processor.DATA_INPUT_URN)
    return {name: execution.ListBuffer(None) for name in names}


def _part(manager: Any, name: str, data: Any, mark: Any, closed_only: bool) -> Any:
    """The part of an input that is ready, or None; the rest stays in ``data``. Groups are not given out here.

    :param closed_only: whether elements of open windows must wait, because side inputs are not complete.
    """
    buffer = data[name]
    if isinstance(buffer, execution.GroupingBuffer):
        return _immediate(buffer) if is_immediate(buffer) else None
    if not any(buffer):
        return None
    coder = manager.get_input_coder_impl(name)
    data[name] = execution.ListBuffer(coder)
    if not closed_only:
        return buffer
    done, rest = _split([value for chunk in buffer for value in coder.decode_all(chunk)], mark)
    if rest:
        data[name].append(coder.encode_all(rest))
    part = execution.ListBuffer(coder)
    part.append(coder.encode_all(done))
    return part if done else None


def _immediate(buffer: Any) -> Any:
    """All elements of a buffer; None if there are none."""
    part = execution.GroupingBuffer(buffer._pre_grouped_coder, buffer._post_grouped_coder, buffer._windowing)
    part.extend(buffer)
    buffer._table.clear()
    return part if part._table else None


def _split(values: list[Any], mark: Any) -> tuple[list[Any], list[Any]]:
    """The elements in closed windows and those in open ones; an element in both becomes two."""
    closed: list[Any] = []
    still: list[Any] = []
    for value in values:
        done = [window for window in value.windows if window.max_timestamp() < mark]
        if not done:
            still.append(value)
        elif len(done) == len(value.windows):
            closed.append(value)
        else:
            rest = [window for window in value.windows if window not in done]
            closed.append(WindowedValue(value.value, value.timestamp, tuple(done), value.pane_info))
            still.append(WindowedValue(value.value, value.timestamp, tuple(rest), value.pane_info))
    return closed, still
