"""The Pub/Sub steps of a pipeline. They are submitted empty, because Dataflow itself reads and publishes; here they are filled for a run.

They use the Pub/Sub emulator that ``PUBSUB_EMULATOR_HOST`` names.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.internal import pickler
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as protos
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.transforms import environments
from google.api_core.exceptions import GoogleAPICallError, NotFound

from .pubsub_steps import HOST, LEASE, QUICK, Publish, Read, Source, publisher, subscriber
from .wire import Wire

_READ, _WRITE = common_urns.composites.PUBSUB_READ.urn, common_urns.composites.PUBSUB_WRITE.urn
_WRITE_OF_BATCH = b"apache_beam.io.gcp.pubsub._PubSubWriteDoFn"


class PubSubError(Exception):
    """A pipeline's Pub/Sub steps cannot work; the message says which step and what to do."""


@contextlib.contextmanager
def filled(pipeline: Any, wire: Wire) -> Iterator[None]:
    """Fill the Pub/Sub steps for as long as the pipeline runs; subscriptions that only this run needs are created and deleted.

    :raises PubSubError: there is no Pub/Sub emulator, or it does not have a topic or subscription that a step uses.
    """
    parts = pipeline.components.transforms
    reads = [name for name, part in parts.items() if part.spec.urn == _READ]
    sinks = {name: sink for name, part in parts.items() if (sink := _sink(part))}
    if not (reads or sinks):
        yield
        return
    _check(sorted(parts[name].unique_name for name in (*reads, *sinks)))
    filling = _Filling(pipeline)
    sources = contextlib.ExitStack()
    with _also_when_cancelled(sources.close), wire.before_the_end(sources.close), sources:
        for name, sink in sinks.items():
            with _found(parts[name].unique_name, sink.topic):
                publisher().get_topic(topic=sink.topic, **QUICK)
            filling.write(name, sink)
        for name in sorted(reads):
            source = _source(name, parts[name])
            sources.callback(_close, source)  # before the subscription is created, so that it is always deleted
            _prepare(source, parts[name].unique_name, wire)
            sources.enter_context(_leased(source))
            filling.read(name, source)
        filling.finish()
        yield


def _sink(part: Any) -> Any:
    """What a step publishes to, as a PubSubWritePayload; None for any other step."""
    if part.spec.urn == _WRITE:
        return protos.PubSubWritePayload.FromString(part.spec.payload)
    if any(_WRITE_OF_BATCH in entry.payload for entry in part.display_data):
        # If a pipeline is not known to be streaming when it is submitted, Beam publishes by itself.
        fn = pickler.loads(protos.ParDoPayload.FromString(part.spec.payload).do_fn.payload)[0]
        topic = f"projects/{fn.project}/topics/{fn.short_topic_name}"
        return protos.PubSubWritePayload(topic=topic, id_attribute=fn.id_label, timestamp_attribute=fn.timestamp_attribute)
    return None


def _check(steps: list[str]) -> None:
    if not os.environ.get(HOST):
        raise PubSubError(
            f"The step {steps[0]} uses Pub/Sub, but the Dataflow emulator runs without {HOST}. Start a Pub/Sub emulator, for example with "
            f"'gcloud beta emulators pubsub start', and then the Dataflow emulator with {HOST} set to its host:port."
        )


@contextlib.contextmanager
def _found(step: str, name: str) -> Iterator[None]:
    """
    :raises PubSubError: Pub/Sub does not have this topic or subscription, refuses the request, or does not answer.
    """
    try:
        yield
    except NotFound:
        kind = "topic" if "/topics/" in name else "subscription"
        raise PubSubError(
            f"Resource not found: the step {step} uses the {kind} {name}, but the Pub/Sub emulator at {os.environ[HOST]} has no "
            f"such {kind}. Create it there, and launch the job again."
        ) from None
    except GoogleAPICallError as error:
        raise PubSubError(
            f"The step {step} uses {name}, but the Pub/Sub emulator at {os.environ[HOST]} ({HOST}) refuses the request "
            f"or does not answer: {error}"
        ) from None


def _source(key: str, part: Any) -> Source:
    """The subscription that a step reads; for a topic, a new one for this run."""
    what = protos.PubSubReadPayload.FromString(part.spec.payload)
    own = f"{what.topic.replace('/topics/', '/subscriptions/')}.subscription-{random.randrange(10**18)}"
    return Source(key, subscriber(), own if what.topic else what.subscription, what)


def _prepare(source: Source, step: str, wire: Wire) -> None:
    with _found(step, source.topic or source.subscription):
        source.prepare()
    why = f", which was created for {source.topic} and is deleted when the job ends" if source.topic else ""
    wire.send("message", [f"The step {step} reads the Pub/Sub subscription {source.subscription}{why}.", "JOB_MESSAGE_BASIC"])


def _close(source: Source) -> None:
    with contextlib.suppress(GoogleAPICallError):
        source.close()


@contextlib.contextmanager
def _leased(source: Source) -> Iterator[None]:
    """Extend the deadlines of messages in progress, so that they are not delivered again."""
    over = threading.Event()

    def extend() -> None:
        while not over.wait(LEASE / 3):
            with contextlib.suppress(GoogleAPICallError):
                source.extend()

    threading.Thread(target=extend, name="lease", daemon=True).start()
    try:
        yield
    finally:
        over.set()


@contextlib.contextmanager
def _also_when_cancelled(close: Callable[[], None]) -> Iterator[None]:
    """Close on SIGTERM, too, which ends the process of a cancelled pipeline."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: Any) -> None:
        close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Filling:
    """Replaces empty steps with working ones, which keep the ids and outputs."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._parts = pipeline.components
        here = environments.EmbeddedPythonEnvironment.default()
        self._context = PipelineContext(self._parts, default_environment=here, namespace="pubsub")

    def read(self, name: str, source: Source) -> None:
        part = self._parts.transforms[name]
        begin, pull = f"ref_PCollection_of_{name}", f"{name}_pull"
        (output,) = part.outputs.values()
        windowing = self._parts.pcollections[output].windowing_strategy_id
        self._parts.pcollections[begin].CopyFrom(
            protos.PCollection(
                unique_name=begin,
                coder_id=self._context.coders.get_id(coders.BytesCoder()),
                windowing_strategy_id=windowing,
                is_bounded=protos.IsBounded.BOUNDED,
            )
        )
        impulse = protos.FunctionSpec(urn=common_urns.primitives.IMPULSE.urn)
        self._parts.transforms[begin].CopyFrom(
            protos.PTransform(unique_name=f"{part.unique_name}/Impulse", spec=impulse, outputs={"out": begin})
        )
        step = self._parts.transforms[pull]
        step.CopyFrom(protos.PTransform(unique_name=f"{part.unique_name}/Pull", inputs={"in": begin}, outputs={"None": output}))
        self._do(step, Read(source))
        part.ClearField("spec")
        part.ClearField("environment_id")
        part.subtransforms.extend([begin, pull])

    def write(self, name: str, sink: Any) -> None:
        self._do(self._parts.transforms[name], Publish(sink.topic, sink.id_attribute, sink.timestamp_attribute))

    def finish(self) -> None:
        """Add the coders, environments and requirements of the new steps to the pipeline."""
        for old, new in (
            (self._parts.coders, self._context.coders),
            (self._parts.environments, self._context.environments),
        ):
            for name, proto in new.get_id_to_proto_map().items():
                if name not in old:
                    old[name].CopyFrom(proto)
        known = set(self._pipeline.requirements)
        self._pipeline.requirements.extend(sorted(self._context.requirements() - known))

    def _do(self, step: Any, fn: beam.DoFn) -> None:
        step.spec.CopyFrom(beam.ParDo(fn).to_runner_api(self._context))
        step.environment_id = self._context.default_environment_id()
