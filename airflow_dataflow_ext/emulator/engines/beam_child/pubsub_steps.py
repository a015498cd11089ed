"""Steps that read from Pub/Sub and publish to it, which on Dataflow the service does."""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage

HOST = "PUBSUB_EMULATOR_HOST"
"""The environment variable with the ``host:port`` of a Pub/Sub emulator; Google's clients read it, too."""
AT_ONCE = 100
"""Messages per request; Google's Pub/Sub emulator returns no more in one pull."""
PULLS = 10
"""Pulls per bundle, while there is more to read."""
LEASE = 10
"""Seconds after which Pub/Sub redelivers a message that is neither acknowledged nor extended; the least that it accepts."""
MARGIN = 1.0
"""Seconds after a message's publish time from which a pull is certain to find it."""
QUIET = 10.0
"""Seconds for which the timestamps of messages hold the watermark back after they were read, if an attribute gives them."""
ONCE = 600.0
"""Seconds within which messages with the same id are duplicates: https://cloud.google.com/dataflow/docs/concepts/streaming-with-cloud-pubsub"""
REQUEST_BYTES = 1_000_000
PATIENCE = 30.0
"""Seconds to wait for a reply of Pub/Sub."""
QUICK: Mapping[str, Any] = {"timeout": 10.0, "retry": None}
"""Options of requests at the start of a run, which must not wait long."""
_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def subscriber() -> SubscriberClient:
    """A client of the Pub/Sub that ``PUBSUB_EMULATOR_HOST`` names."""
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=_channel()))


def publisher() -> PublisherClient:
    """A client of the Pub/Sub that ``PUBSUB_EMULATOR_HOST`` names."""
    return PublisherClient(transport=PublisherGrpcTransport(channel=_channel()))


def _channel() -> grpc.Channel:
    # Not through google.cloud.pubsub_v1, which accepts no reply of more than 4 MB from an emulator.
    return grpc.insecure_channel(os.environ[HOST], options=[("grpc.max_receive_message_length", -1)])


class Source:
    """A subscription that one step reads. Copies of the step run in the same process and find it by its key.

    :param what: the PubSubReadPayload of the step. If it names a topic, the subscription is created for this run and deleted at its end.
    """

    def __init__(self, key: str, client: Any, subscription: str, what: Any) -> None:
        _SOURCES[key] = self
        self.subscription = subscription
        self.topic: str = what.topic
        self._key, self._client, self._what = key, client, what
        self._lock = threading.RLock()  # reentrant, because a signal can call close() during close()
        self._closed = False
        self._open: set[str] = set()
        self._safe: set[str] = set()
        self._seen: dict[tuple[str, str], float] = {}
        self._recent: deque[tuple[float, Timestamp]] = deque()

    def __reduce__(self) -> Any:
        return _source, (self._key,)

    def prepare(self) -> None:
        """Create the subscription of this run, unless the source is already closed, or check that the given subscription exists."""
        with self._lock:
            if not self.topic:
                self._client.get_subscription(subscription=self.subscription, **QUICK)
            elif not self._closed:
                self._client.create_subscription(name=self.subscription, topic=self.topic, **QUICK)

    def pull(self) -> tuple[list[str], list[TimestampedValue], Timestamp | None]:
        """Ids for the acknowledgement, elements with their timestamps, and the watermark, if it is known."""
        names: list[str] = []
        elements: list[TimestampedValue] = []
        for _ in range(PULLS):
            began = time.time()
            received = self._receive()
            names += [each.ack_id for each in received]
            elements += [self._element(each.message) for each in received if self._is_new(each.message)]
            if len(received) < AT_ONCE:
                return names, elements, self._watermark(elements, began)
        return names, elements, self._watermark(elements, None)

    def acknowledge(self, names: list[str]) -> None:
        """Acknowledge messages whose results are safe. If the request fails, the next call acknowledges them, too."""
        with self._lock:
            self._safe.update(names)
            safe = list(self._safe)
        if safe:
            self._client.acknowledge(subscription=self.subscription, ack_ids=safe, timeout=PATIENCE)
        with self._lock:
            self._safe.difference_update(safe)
            self._open.difference_update(safe)

    def extend(self, seconds: int = LEASE) -> None:
        """Extend the deadlines of messages in progress, so that they are not delivered again; 0 gives them back."""
        with self._lock:
            names = list(self._open)
        if names:
            self._client.modify_ack_deadline(
                subscription=self.subscription, ack_ids=names, ack_deadline_seconds=seconds, timeout=1.0, retry=None
            )

    def close(self) -> None:
        """Stop reading, and delete the subscription if it was created for this run; otherwise give back the messages in progress."""
        with self._lock:
            self._closed = True
            if self.topic:
                self._client.delete_subscription(subscription=self.subscription, timeout=1.0, retry=None)
            else:
                self.extend(0)

    def _receive(self) -> list[Any]:
        with self._lock:
            if self._closed:
                return []
            reply = self._client.pull(subscription=self.subscription, max_messages=AT_ONCE, return_immediately=True, timeout=PATIENCE)
            received = list(type(reply).pb(reply).received_messages)
            self._open.update(each.ack_id for each in received)
            return received

    def _is_new(self, message: Any) -> bool:
        given = message.attributes.get(self._what.id_attribute)
        name = ("attribute", given) if given else ("message", message.message_id)
        now = time.monotonic()
        while self._seen and now - next(iter(self._seen.values())) > ONCE:
            del self._seen[next(iter(self._seen))]
        new = name not in self._seen
        self._seen.setdefault(name, now)
        return new

    def _element(self, message: Any) -> TimestampedValue:
        value = message.SerializeToString() if self._what.with_attributes else message.data
        if not self._what.timestamp_attribute:
            return TimestampedValue(value, Timestamp(micros=message.publish_time.ToMicroseconds()))
        given = message.attributes.get(self._what.timestamp_attribute, "")
        try:
            if given.lstrip("-").isdigit():
                moment = Timestamp(micros=int(given) * 1000)
            else:
                moment = Timestamp.from_rfc3339(_BEYOND_MICROSECONDS.sub(r"\1", given))
        except ValueError:
            raise ValueError(
                f"The message {message.message_id} of {self.subscription} has no valid timestamp: its attribute "
                f"{self._what.timestamp_attribute} is {given!r}. Publish it with milliseconds since 1970 "
                "or a time such as 2015-10-29T23:41:41.123Z."
            ) from None
        return TimestampedValue(value, moment)

    def _watermark(self, elements: list[TimestampedValue], all_until: float | None) -> Timestamp | None:
        """
        :param all_until: when the pull that left no messages began, in seconds since 1970; None if there is more to read.
        """
        if not self._what.timestamp_attribute:
            return None if all_until is None else Timestamp.of(all_until - MARGIN)
        now = time.monotonic()
        if elements:
            self._recent.append((now, min(element.timestamp for element in elements)))
        while self._recent and now - self._recent[0][0] > QUIET:
            self._recent.popleft()
        if self._recent:
            return min(moment for _, moment in self._recent)
        return None if all_until is None else Timestamp.of(all_until - QUIET)


_SOURCES: dict[str, Source] = {}


def _source(key: str) -> Source:
    return _SOURCES[key]


class _Forever(beam.transforms.core.RestrictionProvider):  # type: ignore[misc]  # apache-beam has no types
    """Provides a restriction without end, of which each bundle takes one part."""

    def initial_restriction(self, element: Any) -> OffsetRange:
        return OffsetRange(0, 2**62)

    def create_tracker(self, restriction: OffsetRange) -> OffsetRestrictionTracker:
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element: Any, restriction: OffsetRange) -> int:
        return 1


_FOREVER = beam.DoFn.RestrictionParam(_Forever())
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class Read(beam.DoFn):  # type: ignore[misc]  # apache-beam has no types
    """Reads a source without end. Messages are acknowledged when the results of the bundle that read them are safe."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]
    def process(
        self,
        _: bytes,
        finalizer: Any = beam.DoFn.BundleFinalizerParam,  # Beam requires it before the parameters of the restriction
        tracker: Any = _FOREVER,
        estimator: Any = _WATERMARK,
    ) -> Iterable[Any]:
        if not tracker.try_claim(tracker.current_restriction().start):
            return
        names, elements, watermark = self._source.pull()
        finalizer.register(lambda: self._source.acknowledge(names))
        yield from elements
        if watermark is not None and watermark > (estimator.current_watermark() or watermark - 1):
            estimator.set_watermark(watermark)
        tracker.defer_remainder()


class Publish(beam.DoFn):  # type: ignore[misc]  # apache-beam has no types
    """Publishes serialized PubsubMessages; at the end of a bundle, Pub/Sub has all of its messages.

    :param id_attribute: attribute for a unique id of each message, if any.
    :param timestamp_attribute: attribute for the element's timestamp in milliseconds since 1970, if any.
    """

    def __init__(self, topic: str, id_attribute: str | None, timestamp_attribute: str | None) -> None:
        self._topic, self._id, self._timestamp = topic, id_attribute, timestamp_attribute

    def setup(self) -> None:
        self._client = publisher()

    def start_bundle(self) -> None:
        self._waiting: list[PubsubMessage] = []
        self._bytes = 0

    def process(self, element: bytes, moment: Any = beam.DoFn.TimestampParam) -> None:
        message = PubsubMessage.deserialize(element)
        if self._id:
            message.attributes[self._id] = uuid.uuid4().hex
        if self._timestamp:
            message.attributes[self._timestamp] = str(moment.micros // 1000)
        self._waiting.append(message)
        self._bytes += len(element)
        if self._bytes > REQUEST_BYTES or len(self._waiting) >= AT_ONCE:
            self.finish_bundle()

    def finish_bundle(self) -> None:
        if self._waiting:
            self._client.publish(topic=self._topic, messages=self._waiting, timeout=PATIENCE)
        self.start_bundle()
