"""Pipelines that read and write Pub/Sub, with Google's emulator of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job, Message
from airflow_dataflow_ext.emulator import Emulator
from tests.asking import Asker
from tests.emulator.engines.messaging import Messaging
from tests.emulator.engines.submitted import Author, errors_of, finish, in_state, until
from tests.emulator.engines.trial import killed_at_last

COUNTS = """
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import SlidingWindows

def tell(pair, window=beam.DoFn.WindowParam):
    return f"{pair[0]} {window.start.micros} {len(pair[1])}".encode()

pipeline = beam.Pipeline(options=PipelineOptions(streaming=True))
(pipeline | "Orders" >> beam.io.ReadFromPubSub("projects/my-project/topics/orders") | "Decode" >> beam.Map(bytes.decode)
 | beam.WindowInto(SlidingWindows(4, 2)) | beam.Map(lambda word: (word, 1)) | beam.GroupByKey()
 | "Tell" >> beam.Map(tell) | "Write" >> beam.io.WriteToPubSub("projects/my-project/topics/counts"))
print(pipeline.run().job_id())
"""
TOTALS = """
import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub, WriteToPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import SlidingWindows

def points(message):
    return message.attributes["player"], int(message.data)

class Tell(beam.DoFn):
    def process(self, pair, window=beam.DoFn.WindowParam):
        player, total = pair
        yield PubsubMessage(str(total).encode(), {"player": player, "start": str(window.start.micros // 1000000)})

scores = "projects/my-project/subscriptions/scores"
source = ReadFromPubSub(subscription=scores, id_label="id", with_attributes=True, timestamp_attribute="at")
pipeline = beam.Pipeline(options=PipelineOptions())
(pipeline | source | "Points" >> beam.Map(points) | beam.WindowInto(SlidingWindows(60, 30)) | beam.CombinePerKey(sum)
 | beam.ParDo(Tell()) | WriteToPubSub("projects/my-project/topics/totals", with_attributes=True))
print(pipeline.run().job_id())
"""
CAPITALS = """
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

options = PipelineOptions(streaming=True)
with beam.Pipeline(options=options) as pipeline:
    (pipeline | beam.io.ReadFromPubSub(subscription="projects/my-project/subscriptions/letters") | beam.Map(bytes.upper)
     | beam.io.WriteToPubSub("projects/my-project/topics/capitals", id_label="id", timestamp_attribute="at"))
"""
BATCH = """
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

pipeline = beam.Pipeline(options=PipelineOptions())
pipeline | beam.Create(range(250)) | beam.Map(lambda n: str(n).encode()) | beam.io.WriteToPubSub("projects/my-project/topics/numbers")
print(pipeline.run().job_id())
"""
TOPICS = ("orders", "counts", "scores", "totals", "errors", "letters", "capitals", "numbers")


@pytest.fixture(scope="module")
def emulator(pubsub: Messaging, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    for topic in TOPICS:
        pubsub.make(topic)
    program = tmp_path_factory.mktemp("images") / "capitals.py"
    program.write_text(CAPITALS)
    with Emulator(engine="beam", images={"capitals": str(program)}) as running:
        running.objects.write("gs://staging/capitals.json", json.dumps({"image": "capitals", "sdkInfo": {"language": "PYTHON"}}).encode())
        yield running


def submit(author: Author, source: str, name: str) -> dict[str, str]:
    status, output, errors = finish(author.submit(source, f"--job_name={name}"))
    assert status == 0, errors
    return {"id": output.strip()}


def run_again(emulator: Emulator, ask: Asker, name: str, **changes: str) -> dict[str, Any]:
    """A job of a pipeline that was staged by the job ``name``, with other words in the place of as long ones."""
    path = next(path for path in emulator.objects.list(f"gs://staging/temp/{name}") if path.endswith("/pipeline.pb"))
    content = emulator.objects.read(path) or b""
    for old, new in changes.items():
        assert len(old) == len(new)
        content = content.replace(old.encode(), new.encode())
    emulator.objects.write("gs://staging/again.pb", content)
    options = {"pipelineUrl": "gs://staging/again.pb"}
    return ask(Job.create, {"name": "again", "environment": {"sdkPipelineOptions": {"options": options}}})


def texts(ask: Asker, job: dict[str, Any]) -> list[str]:
    return [message["messageText"] for message in ask(Message.list, jobId=job["id"]).get("jobMessages", [])]


def drain(ask: Asker, job: dict[str, Any]) -> None:
    ask.update(job, {"requestedState": "JOB_STATE_DRAINED"})
    until(lambda: in_state(ask, job["id"], "DRAINED"))


def read_of(ask: Asker, job: dict[str, Any], step: str) -> int:
    """How many elements have come out of a step."""
    metrics = ask(Job.get_metrics, jobId=job["id"]).get("metrics", [])
    return max((m["scalar"] for m in metrics if m["name"]["context"].get("original_name") == f"{step}-out0-ElementCount"), default=0)


@pytest.fixture(scope="module")
def counts(author: Author) -> dict[str, str]:
    return submit(author, COUNTS, "counts")


@pytest.fixture(scope="module")
def numbers(author: Author) -> dict[str, str]:
    return submit(author, BATCH, "numbers")


def test_a_stream_reads_a_topic_through_a_subscription_of_its_own(counts: dict[str, str], ask: Asker, pubsub: Messaging) -> None:
    until(lambda: in_state(ask, counts["id"], "RUNNING"))
    own, theirs = sorted(pubsub.subscriptions("orders"), key=len, reverse=True)
    assert theirs == "orders"
    said = f"The step Orders/Read reads the Pub/Sub subscription projects/my-project/subscriptions/{own}, which was created for "
    assert any(text.startswith(said) for text in texts(ask, counts))

    counted: dict[str, dict[str, int]] = {"tea": {}, "jam": {}}

    def count() -> dict[str, int]:
        for message in pubsub.take("counts"):
            word, window, number = message.data.decode().split()
            assert window not in counted[word]  # each closes once
            counted[word][window] = int(number)
        return {word: sum(windows.values()) for word, windows in counted.items()}

    for _ in range(13):
        pubsub.publish("orders", *["tea"] * 100)  # more than one bundle reads
    until(lambda: count()["tea"] == 2600)  # its two windows, or three, close while the stream runs
    for _ in range(20):
        pubsub.publish("orders", "tea", "jam", "jam")
        time.sleep(0.2)
    until(lambda: read_of(ask, counts, "Orders/Read") == 1360)
    drain(ask, counts)
    assert count() == {"tea": 2640, "jam": 80}
    assert pubsub.subscriptions("orders") == ["orders"]


def test_a_cancelled_stream_leaves_no_subscription_of_its_own(counts: Any, emulator: Emulator, ask: Asker, pubsub: Messaging) -> None:
    job = run_again(emulator, ask, "counts")
    until(lambda: in_state(ask, job["id"], "RUNNING"))
    assert len(pubsub.subscriptions("orders")) == 2
    ask.update(job, {"requestedState": "JOB_STATE_CANCELLED"})
    until(lambda: in_state(ask, job["id"], "CANCELLED"))
    assert pubsub.subscriptions("orders") == ["orders"]


def test_a_stream_leaves_no_subscription_of_its_own_when_the_emulator_is_killed(
    emulator: Emulator, pubsub: Messaging, tmp_path: Path
) -> None:
    program = tmp_path / "counts.py"
    program.write_text(COUNTS)
    with killed_at_last(str(program), tmp_path, "orphan"):
        until(lambda: len(pubsub.subscriptions("orders")) == 2)
    until(lambda: pubsub.subscriptions("orders") == ["orders"])


@pytest.mark.parametrize("topic", ["orders", "counts"])
def test_a_topic_that_is_not_there_fails_the_job_at_its_start(
    counts: Any, emulator: Emulator, ask: Asker, pubsub: Messaging, topic: str
) -> None:
    job = run_again(emulator, ask, "counts", **{f"topics/{topic}": "topics/nobody"})
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    (error,) = errors_of(ask, job["id"])
    assert error.startswith("Workflow failed. Causes: Resource not found: the step ")
    assert "uses the topic projects/my-project/topics/nobody" in error
    assert not any("Starting" in text for text in texts(ask, job))
    assert pubsub.subscriptions("orders") == ["orders"]


@pytest.mark.parametrize(
    ("name", "host", "words"),
    [
        ("counts", "", ["gcloud beta emulators pubsub start", "PUBSUB_EMULATOR_HOST set"]),
        ("numbers", "", ["gcloud beta emulators pubsub start"]),
        ("counts", "127.0.0.1:9", ["does not answer"]),
    ],
)
def test_without_a_pubsub_emulator_the_job_fails_at_its_start_and_says_what_helps(
    counts: Any, numbers: Any, emulator: Emulator, ask: Asker, monkeypatch: pytest.MonkeyPatch, name: str, host: str, words: list[str]
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
    job = run_again(emulator, ask, name)
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    (error,) = errors_of(ask, job["id"])
    assert error.startswith("Workflow failed. Causes: The step ")
    assert all(word in error for word in words), error
    assert not any("Starting" in text for text in texts(ask, job))


FIRST = time.time() // 60 * 60 - 3600
"""When a window begins, in seconds since 1970."""


def at(seconds: int) -> str:
    return str(int(FIRST + seconds) * 1000)


@pytest.fixture(scope="module")
def totals(author: Author, pubsub: Messaging) -> dict[str, str]:
    """A job that finds messages when it starts."""
    pubsub.publish("scores", "5", player="ann", id="one", at=at(10))
    pubsub.publish("scores", "5", player="ann", id="one", at=at(10))
    nanoseconds = datetime.fromtimestamp(FIRST + 40, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    pubsub.publish("scores", "7", player="ann", id="two", at=nanoseconds)
    pubsub.publish("scores", "1", player="bob", at=at(10))
    return submit(author, TOTALS, "totals")


def test_attributes_say_when_and_which_and_late_ones_are_dropped(totals: dict[str, str], ask: Asker, pubsub: Messaging) -> None:
    found: Counter[tuple[str, int, int]] = Counter()

    def told() -> Counter[tuple[str, int, int]]:
        for message in pubsub.take("totals"):
            found[message.attributes["player"], round(float(message.attributes["start"]) - FIRST), int(message.data)] += 1
        return found

    expected = {("ann", -30, 5): 1, ("ann", 0, 12): 1, ("ann", 30, 7): 1, ("bob", -30, 1): 1, ("bob", 0, 1): 1}
    until(lambda: len(told()) >= len(expected))
    assert told() == expected
    pubsub.publish("scores", "100", player="late", at=at(10))
    until(lambda: any(text.startswith("Elements that arrive after their window has closed are dropped") for text in texts(ask, totals)))
    pubsub.publish("scores", "9", player="ann", id="two", at=at(7210))
    pubsub.publish("scores", "9", player="cyd", id="three", at=at(7210))
    until(lambda: read_of(ask, totals, "Points") == 5)  # seven were published, two of them are known by their ids
    drain(ask, totals)
    new = told() - Counter(expected)
    assert new == {("cyd", 7170, 9): 1, ("cyd", 7200, 9): 1}


@pytest.mark.parametrize(
    ("text", "attributes", "reason"),
    [
        ("many", {"at": "1700000000000"}, "ValueError: invalid literal for int() with base 10: b'many'"),
        ("1", {"at": "soon"}, "has no valid timestamp: its attribute at is 'soon'"),
    ],
)
def test_a_message_that_cannot_be_processed_stays_in_its_subscription(
    totals: Any, emulator: Emulator, ask: Asker, pubsub: Messaging, text: str, attributes: dict[str, str], reason: str
) -> None:
    pubsub.publish("errors", text, player="ann", **attributes)
    job = run_again(emulator, ask, "totals", **{"subscriptions/scores": "subscriptions/errors"})
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    assert reason in errors_of(ask, job["id"])[-1]
    assert [message.data.decode() for message in pubsub.take("errors")] == [text]


def test_a_flex_program_publishes_with_an_id_and_a_timestamp_and_its_replacement_goes_on(ask: Asker, pubsub: Messaging) -> None:
    found: list[Any] = []

    def read(many: int) -> bool:
        found.extend(pubsub.take("capitals"))
        return len(found) >= many

    pubsub.publish("letters", "a", "b")
    before = int(time.time() * 1000)
    first = ask.launch_flex("capitals", template="gs://staging/capitals.json")
    until(lambda: in_state(ask, first["id"], "RUNNING"))
    until(lambda: read(2))
    second = ask.launch_flex("capitals", template="gs://staging/capitals.json", update=True)
    until(lambda: in_state(ask, second["id"], "RUNNING") and in_state(ask, first["id"], "UPDATED"))
    pubsub.publish("letters", "c")
    until(lambda: read(3))
    drain(ask, second)
    read(3)
    assert sorted(message.data for message in found) == [b"A", b"B", b"C"]
    assert len({message.attributes["id"] for message in found}) == 3
    assert all(0 <= before - int(message.attributes["at"]) < 60_000 for message in found[:2])
    assert pubsub.take("letters") == []


def test_a_batch_publishes(numbers: dict[str, str], ask: Asker, pubsub: Messaging) -> None:
    until(lambda: ask.state(numbers) == "JOB_STATE_DONE")
    assert ask.job(numbers)["type"] == "JOB_TYPE_BATCH"
    assert sorted(int(message.data) for message in pubsub.take("numbers")) == list(range(250))
