"""A subscription as a step of a pipeline reads it, with Google's emulator of Pub/Sub."""

from __future__ import annotations

from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as protos
from google.api_core.exceptions import NotFound, ServiceUnavailable

from airflow_dataflow_ext.emulator.engines.beam_child.pubsub_steps import Source, subscriber
from tests.emulator.engines.messaging import PROJECT, Messaging

pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag:DeprecationWarning")


def source_of(client: Any, **what: str) -> Source:
    return Source("read", client, f"{PROJECT}/subscriptions/{what['subscription']}", protos.PubSubReadPayload(**what))


def test_a_message_that_is_delivered_again_is_acknowledged_and_counts_once(pubsub: Messaging) -> None:
    pubsub.make("letters")
    pubsub.publish("letters", "a", "a")
    pubsub.publish("letters", "b", id="1")
    source = source_of(subscriber(), subscription="letters", id_attribute="id")
    _, elements, _ = source.pull()
    assert sorted(element.value for element in elements) == [b"a", b"a", b"b"]
    source.extend(0)
    again, elements, _ = source.pull()
    assert (len(again), elements) == (3, [])
    source.acknowledge(again)
    source.close()
    assert pubsub.take("letters") == []


def test_an_acknowledgement_that_fails_is_sent_with_the_next_one(pubsub: Messaging, monkeypatch: pytest.MonkeyPatch) -> None:
    pubsub.make("cards")
    pubsub.publish("cards", "a", "b")
    client = subscriber()
    source = source_of(client, subscription="cards")

    def fail(**_: Any) -> None:
        raise ServiceUnavailable("not now")

    names, _, _ = source.pull()
    with monkeypatch.context() as patch:
        patch.setattr(client, "acknowledge", fail)
        with pytest.raises(ServiceUnavailable):
            source.acknowledge(names)
    source.acknowledge([])
    source.close()  # gives back what is not acknowledged
    assert pubsub.take("cards") == []


def test_a_source_that_is_closed_before_its_subscription_is_made_makes_none(pubsub: Messaging) -> None:
    pubsub.make("parcels")
    source = source_of(subscriber(), subscription="own", topic=f"{PROJECT}/topics/parcels")
    with pytest.raises(NotFound):
        source.close()
    source.prepare()
    assert pubsub.subscriptions("parcels") == ["parcels"]
