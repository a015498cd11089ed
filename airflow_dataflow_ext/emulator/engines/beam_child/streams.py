"""Finds what a streaming pipeline can process before its sources end: elements whose windows have closed.

Beam's in-process runner holds back everything after a GroupByKey until its sources end. This module takes what is ready from its queues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution, translations
from apache_beam.runners.worker import bundle_processor
from apache_beam.transforms import trigger
from apache_beam.transforms.window import WindowFn
from apache_beam.utils import timestamp
from apache_beam.utils.windowed_value import WindowedValue

_can_fuse = translations.Stage.can_fuse


def can_fuse(stage: Any, consumer: Any, context: Any) -> bool:
    """Whether Beam's runner may fuse two stages: not those between which elements wait for a side input without an end.

    A stage that reads a side input begins when the side input is complete. If it were fused with its source, the source would not begin.
    """
    parts = context.components.pcollections
    endless = any(parts[name].is_bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED for name in consumer.side_inputs())
    return not endless and bool(_can_fuse(stage, consumer, context))


def ready(context: Any, stage: str, watermark: int) -> Iterator[Any]:
    """The inputs that a stage can process now; they are removed from the runner's queues.

    :param context: the runner's execution context.
    :param watermark: watermark of the sources, in microseconds since 1970.
    """
    mark = timestamp.Timestamp(micros=watermark)
    waiting = context.queues.watermark_pending_inputs
    key = (stage, timestamp.MAX_TIMESTAMP)
    if key in waiting._keyed_elements and is_finished(context, stage):
        yield _take(waiting, key)
    elif key in waiting._keyed_elements:
        manager, data = context.bundle_manager_for(context.stages[stage]), waiting._keyed_elements[key][1].data
        closed_only = not _side_inputs_are_there(context, stage)
        parts = {name: _part(manager, name, data, mark, closed_only) for name in list(data)}
        found = {name: part for name, part in parts.items() if part is not None}
        if found:
            yield execution.DataInput({**_nothing(context.stages[stage]), **found}, {})


def timers_alone(context: Any, stage: str, timers: Any) -> Any:
    """The input of a bundle that only fires these timers of a stage."""
    return execution.DataInput(_nothing(context.stages[stage]), timers)


def drop_late(context: Any, watermark: int) -> bool:
    """Drop elements that are later than the allowed lateness of their windows; returns whether there were any.

    :param watermark: the time up to which windows have closed, in microseconds since 1970.
    """
    dropped = False
    for _, data in context.queues.watermark_pending_inputs._keyed_elements.values():
        for buffer in data.data.values():
            if isinstance(buffer, execution.GroupingBuffer) and _closes(buffer._windowing):
                mark = timestamp.Timestamp(micros=watermark) - buffer._windowing.allowed_lateness
                for key, values in list(buffer._table.items()):
                    late, kept = _split(values, mark, _merged(buffer._windowing.windowfn, values))
                    if late:
                        dropped = True
                        buffer._table[key] = kept
                    if not kept:
                        del buffer._table[key]
    return dropped


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
    """The part of an input that is ready, or None; the rest stays in ``data``.

    :param closed_only: whether elements of open windows must wait, because side inputs are not complete.
    """
    buffer = data[name]
    if isinstance(buffer, execution.GroupingBuffer):
        return _closed_groups(buffer, mark)
    if not any(buffer):
        return None
    coder = manager.get_input_coder_impl(name)
    data[name] = execution.ListBuffer(coder)
    if not closed_only:
        return buffer
    done, rest = _split([value for chunk in buffer for value in coder.decode_all(chunk)], mark, {})
    if rest:
        data[name].append(coder.encode_all(rest))
    part = execution.ListBuffer(coder)
    part.append(coder.encode_all(done))
    return part if done else None


def _closes(windowing: Any) -> bool:
    """Whether windows close while the pipeline runs; the global window closes when its sources end."""
    return not windowing.is_default()


def _closed_groups(buffer: Any, mark: Any) -> Any:
    """The elements whose windows have closed, or all if the trigger always fires; None if there are none."""
    windowing = buffer._windowing
    if not _closes(windowing):
        return None
    part = execution.GroupingBuffer(buffer._pre_grouped_coder, buffer._post_grouped_coder, windowing)
    at_once = isinstance(windowing.triggerfn, trigger.Always)
    for key, values in list(buffer._table.items()):
        done, rest = (values, []) if at_once else _split(values, mark, _merged(windowing.windowfn, values))
        if done:
            part._table[key] = done
            buffer._table[key] = rest
        if not rest:
            del buffer._table[key]
    return part if part._table else None


class _Merger(WindowFn.MergeContext):  # type: ignore[misc]  # apache-beam has no types
    """Notes into which window each window of one key is merged."""

    def __init__(self, windows: set[Any]) -> None:
        super().__init__(windows)
        self.merged: dict[Any, Any] = {}

    def merge(self, to_be_merged: Any, merge_result: Any) -> None:
        self.merged.update(dict.fromkeys(to_be_merged, merge_result))


def _merged(windowfn: Any, values: list[Any]) -> dict[Any, Any]:
    """For windows that merge, such as sessions: those of the elements of one key that are part of a longer one, and that one."""
    if not windowfn.is_merging():
        return {}
    merger = _Merger({window for value in values for window in value.windows})
    windowfn.merge(merger)
    return merger.merged


def _split(values: list[Any], mark: Any, merged: Mapping[Any, Any]) -> tuple[list[Any], list[Any]]:
    """The elements in closed windows and those in open ones; an element in both becomes two.

    :param merged: see :func:`_merged`.
    """
    closed: list[Any] = []
    still: list[Any] = []
    for value in values:
        done = [window for window in value.windows if merged.get(window, window).max_timestamp() < mark]
        if not done:
            still.append(value)
        elif len(done) == len(value.windows):
            closed.append(value)
        else:
            rest = [window for window in value.windows if window not in done]
            closed.append(WindowedValue(value.value, value.timestamp, tuple(done), value.pane_info))
            still.append(WindowedValue(value.value, value.timestamp, tuple(rest), value.pane_info))
    return closed, still
