"""Beam's in-process runner, extended by progress reports and streaming."""

from __future__ import annotations

import logging
import platform
import threading
import time
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import StandardOptions, WorkerOptions
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution, fn_runner, translations
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.transforms import trigger
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from . import pubsub, rests, streams
from .figures import Tally
from .graph import Graph, StageRun
from .groups import Groups
from .processing_time import AfterProcessingTime
from .stacks import stacks
from .timers import Timers
from .watermarks import END, UNKNOWN, Watermarks
from .wire import Wire

REPORT_EVERY = 0.5
"""Seconds between two reports of metrics while a pipeline runs."""

IDLE = 0.02
"""Seconds that a streaming pipeline sleeps between two reads of its sources."""

_LOG_LEVELS = ("default_sdk_harness_log_level", "sdk_harness_log_level_overrides")


class Runner(fn_runner.FnApiRunner):  # type: ignore[misc]  # apache-beam has no types
    """Beam's in-process runner, which also reports its progress and runs streaming pipelines.

    A streaming source is read again for as long as it returns a remainder, and all windows close when the job drains.
    """

    wire: Wire
    runs = 0
    failed_in: StageRun | None = None
    succeeded = False

    def __init__(self) -> None:
        super().__init__()
        self._streaming = False
        self._giving_out = False
        self._has_dropped = False
        self._groups = Groups()
        self._rests = rests.Rests()
        self._timers = Timers()
        self._workers: list[Any] = []
        self._over = threading.Event()

    def run_via_runner_api(self, pipeline_proto: Any, options: Any) -> Any:
        Runner.runs += 1
        Runner.succeeded = False
        self._graph = Graph(pipeline_proto)
        self._tally = Tally(self._graph)
        self._streaming = bool(options.view_as(StandardOptions).streaming) or self._graph.is_unbounded()
        _log_as_a_worker(options)
        with pubsub.filled(pipeline_proto, self.wire):
            return super().run_via_runner_api(pipeline_proto, options)

    def create_stages(self, pipeline_proto: Any) -> Any:
        translations.Stage.can_fuse = streams.can_fuse
        trigger.AfterProcessingTime = AfterProcessingTime
        return super().create_stages(pipeline_proto)

    def run_stages(self, stage_context: Any, stages: Any) -> Any:
        self._stages = {stage.name: StageRun(number, stage) for number, stage in enumerate(stages, 1)}
        self._watermarks = Watermarks([stage.id for stage in self._stages.values()])
        self._announce()
        watcher = threading.Thread(target=self._watch, name="progress", daemon=True)
        watcher.start()
        try:
            result = super().run_stages(stage_context, stages)
        except BaseException:
            Runner.failed_in = self._end_stages("FAILED")
            raise
        finally:
            self._over.set()
            watcher.join()
            self._report_metrics(self._tally)
        self._end_stages("SUCCEEDED")
        Runner.succeeded = True
        return result

    def _announce(self) -> None:
        version = {"version": beam.__version__, "versionDisplayName": f"Apache Beam Python {platform.python_version()} SDK"}
        self.wire.send(
            "describe",
            {
                "type": "JOB_TYPE_STREAMING" if self._streaming else "JOB_TYPE_BATCH",
                "jobMetadata": {"sdkVersion": version},
                "pipelineDescription": self._graph.describe(list(self._stages.values())),
            },
        )
        self.wire.send("running")
        self._report_stages()

    def _execute_bundle(self, runner_execution_context: Any, bundle_context_manager: Any, bundle_input: Any) -> Any:
        stage = self._stages[bundle_context_manager.stage.name]
        if not stage.running:
            if not self._streaming:
                self._end_stages("SUCCEEDED")
            stage.begin()
            self._say(f"Executing operation {stage.operation}")
            self._report_stages()
        self._workers = bundle_context_manager.worker_handlers
        if self._streaming and not self._giving_out:
            bundle_input = streams.at_the_end(bundle_context_manager.stage.name, bundle_input, self._groups)
        result = super()._execute_bundle(runner_execution_context, bundle_context_manager, bundle_input)
        self._tally = self._tally.plus(result.process_bundle.monitoring_infos)
        if self._streaming:
            streams.forget_side_inputs(runner_execution_context, bundle_context_manager.stage.name)
            if self._timers.are_set(bundle_context_manager.stage.name):
                streams.still_open(runner_execution_context, bundle_context_manager.stage.name)
        if self._streaming and not self._giving_out and not self.wire.drain_asked.is_set():
            self._give_out(runner_execution_context)
        return result

    def _collect_written_timers(self, bundle_context_manager: Any) -> Any:
        """Keep the timers of a streaming pipeline here instead of giving them to Beam's runner."""
        if not self._streaming:
            return super()._collect_written_timers(bundle_context_manager)
        self._timers.collect(bundle_context_manager)
        return {}, {}

    def _schedule_ready_bundles(self, context: Any) -> None:
        """Do what Beam's runner does if nothing is ready, but if only timers are left, fire them without waiting."""
        super()._schedule_ready_bundles(context)
        if not len(context.queues.ready_inputs):
            if self._streaming:
                self._fire_next(context)
            else:
                streams.fire_all(context)

    def _fire_next(self, context: Any) -> None:
        """Schedule the timers of the first stage that has some, since they may set others of that stage or a later one."""
        for name in self._stages:
            manager = context.bundle_manager_for(context.stages[name])
            due = self._timers.due(manager, watermark=MAX_TIMESTAMP) or self._timers.due(manager, now=MAX_TIMESTAMP)
            if due:
                context.queues.ready_inputs.enque((name, streams.timers_alone(context, name, due)))
                return

    def _give_out(self, context: Any) -> None:
        """Process what is ready before the sources of a streaming pipeline end, each stage after its inputs."""
        watermark = self._watermarks.of_sources()
        begun = all(self._stages[name].running for name, _ in context.queues.ready_inputs._q)
        if watermark == UNKNOWN or not begun:
            return
        self._giving_out = True
        for name in self._stages:
            if data := streams.ready(context, name, watermark, self._groups):
                self._execute_part(context, name, data, watermark)
            finished = streams.is_finished(context, name)
            mark = MAX_TIMESTAMP if finished else Timestamp(micros=watermark)
            due = self._timers.due(context.bundle_manager_for(context.stages[name]), watermark=mark, now=Timestamp.now())
            if due:
                self._execute_part(context, name, streams.timers_alone(context, name, due), watermark)
            # What its groups and timers output is not late for the stages that follow.
            watermark = min(watermark, self._groups.hold(name).micros, self._timers.hold(name).micros)
        self._giving_out = False
        self._say_that_some_were_late()

    def _execute_part(self, context: Any, name: str, data: Any, watermark: int) -> None:
        """Process a part of a stage's input."""
        finished = streams.is_finished(context, name)
        self._execute_bundle(context, context.bundle_manager_for(context.stages[name]), data)
        if not finished:
            streams.still_open(context, name)
        self._watermarks.follow(self._stages[name].id, END if finished else max(watermark, UNKNOWN))

    def _say_that_some_were_late(self) -> None:
        if self._groups.dropped and not self._has_dropped:
            self._has_dropped = True
            text = "Elements that arrive after their window has closed are dropped; allowed_lateness admits later ones."
            self.wire.send("message", [text, "JOB_MESSAGE_WARNING"])

    def _add_sdk_delayed_applications_to_deferred_inputs(
        self, bundle_context_manager: Any, bundle_result: Any, deferred_inputs: Any
    ) -> Any:
        if not self._streaming:
            return super()._add_sdk_delayed_applications_to_deferred_inputs(bundle_context_manager, bundle_result, deferred_inputs)
        name = bundle_context_manager.stage.name
        draining = self.wire.drain_asked.is_set()  # then the rest of a source is not read; what was read is still processed
        left = [] if draining else self._rests.add(name, bundle_result.process_bundle.residual_roots)
        if left or not self._giving_out:
            self._watermarks.advance(self._stages[name].id, left)
        if not left:
            return set()
        time.sleep(IDLE)
        defer = super()._add_sdk_delayed_applications_to_deferred_inputs
        all_inputs: dict[str, Any] = {}
        incomplete = defer(bundle_context_manager, rests.as_result(left), all_inputs)
        for each in all_inputs:  # an empty input, so that the stage looks again
            deferred_inputs.setdefault(each, execution.ListBuffer(bundle_context_manager.get_input_coder_impl(each)))
        defer(bundle_context_manager, rests.as_result(self._rests.due(name)), deferred_inputs)
        return incomplete

    def _watch(self) -> None:
        """Report while the pipeline runs: its stacks, and the metrics of finished bundles and of the current one."""
        while not self._over.wait(REPORT_EVERY):
            self.wire.send("stacks", stacks())
            # This order counts nothing twice: a bundle that is already in the tally no longer reports progress.
            bundle = f"bundle_{fn_runner.BundleManager._uid_counter}"
            tally = self._tally
            under_way = [] if self._streaming else self._under_way(bundle)
            if under_way or self._streaming:
                self._report_metrics(tally.plus(under_way))

    def _under_way(self, bundle: str) -> list[Any]:
        question = beam_fn_api_pb2.ProcessBundleProgressRequest(instruction_id=bundle)
        request = beam_fn_api_pb2.InstructionRequest(instruction_id=f"progress_{bundle}", process_bundle_progress=question)
        replies = [worker.control_conn.push(request).get() for worker in self._workers]
        return [info for reply in replies for info in reply.process_bundle_progress.monitoring_infos]

    def _report_metrics(self, tally: Tally) -> None:
        self.wire.send("metrics", [*tally.updates(), *(self._watermarks.updates() if self._streaming else ())])

    def _report_stages(self) -> None:
        self.wire.send("stages", [stage.summary for stage in self._stages.values()])

    def _end_stages(self, state: str) -> StageRun | None:
        last = None
        for stage in self._stages.values():
            if stage.running:
                last = stage
                stage.finish(state)
                if state == "SUCCEEDED":
                    self._say(f"Finished operation {stage.operation}")
        if last:
            self._report_stages()
        return last

    def _say(self, text: str) -> None:
        self.wire.send("message", [text, "JOB_MESSAGE_BASIC"])


def _log_as_a_worker(options: Any) -> None:
    """Log at the levels of the service's workers: INFO, unless ``--default_sdk_harness_log_level`` or an override names another."""
    asked = options.view_as(WorkerOptions)
    given = {name: value for name in _LOG_LEVELS if (value := getattr(asked, name))}
    logging.basicConfig()
    logging.getLogger().setLevel(sdk_worker_main._get_log_level_from_options_dict(given))
    sdk_worker_main._set_log_level_overrides(given)
