"""Google's Pub/Sub emulator, and a client for tests."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage

PROJECT = "projects/my-project"
_STARTS_IN = 60.0


class Messaging:
    """Topics and subscriptions of one project, by their short names.

    :param host: the host and port of the emulator.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host)))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host)))

    def make(self, topic: str) -> None:
        """Create a topic, and a subscription with the same name."""
        self._publisher.create_topic(name=f"{PROJECT}/topics/{topic}")
        self._subscriber.create_subscription(name=f"{PROJECT}/subscriptions/{topic}", topic=f"{PROJECT}/topics/{topic}")

    def publish(self, topic: str, *texts: str, **attributes: str) -> None:
        messages = [PubsubMessage(data=text.encode(), attributes=attributes) for text in texts]
        self._publisher.publish(topic=f"{PROJECT}/topics/{topic}", messages=messages)

    def take(self, subscription: str) -> list[PubsubMessage]:
        """Receive and acknowledge all messages that are there at the moment."""
        path = f"{PROJECT}/subscriptions/{subscription}"
        found: list[PubsubMessage] = []
        while received := self._pull(path):
            self._subscriber.acknowledge(subscription=path, ack_ids=[each.ack_id for each in received])
            found += [each.message for each in received]
        return found

    def _pull(self, path: str) -> Sequence[Any]:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of return_immediately
            return self._subscriber.pull(subscription=path, max_messages=100, return_immediately=True).received_messages

    def subscriptions(self, topic: str) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in self._publisher.list_topic_subscriptions(topic=f"{PROJECT}/topics/{topic}"))


@contextlib.contextmanager
def messaging(log: Path) -> Iterator[Messaging]:
    """Run Google's Pub/Sub emulator; the test is skipped if it is not installed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    with log.open("wb") as output:
        process = subprocess.Popen([_program(), "--host=127.0.0.1", f"--port={host.rpartition(':')[2]}"], stdout=output, stderr=output)
    try:
        patience = time.monotonic() + _STARTS_IN
        while b"Server started" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < patience, log.read_text()
            time.sleep(0.1)
        yield Messaging(host)
    finally:
        process.kill()
        process.wait()


def _program() -> str:
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parents[1]] if gcloud else []
    for root in (*roots, Path("/usr/lib/google-cloud-sdk")):
        program = root / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
        if program.exists() and shutil.which("java"):
            return str(program)
    pytest.skip("Google's Pub/Sub emulator is not installed: it needs Java and gcloud components install pubsub-emulator")
