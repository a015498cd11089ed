"""What a stream does while it runs: its timers fire when they are due and hold back windows, its sessions close, and its triggers fire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.emulator import Emulator
from tests.asking import Asker
from tests.emulator.engines.submitted import Author, finish, in_state, until

TIMERS = '''
import sys, time

import apache_beam as beam
from apache_beam.coders import FloatCoder, VarIntCoder
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimeDomain, TimerSpec, on_timer
from apache_beam.transforms.util import GroupIntoBatches
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Timestamp

def count(name, number=1):
    Metrics.counter("timers", name).inc(number)

class Quiet(beam.DoFn):
    """Notices when nothing has come for two seconds."""
    SILENCE = TimerSpec("silence", TimeDomain.REAL_TIME)

    def process(self, pair, silence=beam.DoFn.TimerParam(SILENCE)):
        silence.set(Timestamp.now() + 2)

    @on_timer(SILENCE)
    def report(self):
        count("quiet")

class Recalled(beam.DoFn):
    """Sets a timer with its first element, and clears it with its second."""
    SEEN, LATER = ReadModifyWriteStateSpec("seen", VarIntCoder()), TimerSpec("later", TimeDomain.REAL_TIME)

    def process(self, pair, seen=beam.DoFn.StateParam(SEEN), later=beam.DoFn.TimerParam(LATER)):
        elements = seen.read() or 0
        seen.write(elements + 1)
        if elements == 0:
            later.set(Timestamp.now() + 2)
        if elements == 1:
            later.clear()
            count("cleared")

    @on_timer(LATER)
    def ring(self):
        count("recalled")

class Late(beam.DoFn):
    """Sends what has come in a second after its first element."""
    BAG, DUE = BagStateSpec("bag", VarIntCoder()), ReadModifyWriteStateSpec("due", FloatCoder())
    SEND = TimerSpec("send", TimeDomain.REAL_TIME)

    def process(self, pair, bag=beam.DoFn.StateParam(BAG), due=beam.DoFn.StateParam(DUE), send=beam.DoFn.TimerParam(SEND)):
        count("in")
        bag.add(pair[1])
        if due.read() is None:
            due.write(time.time() + 1)
            send.set(Timestamp.of(time.time() + 1))

    @on_timer(SEND)
    def flush(self, bag=beam.DoFn.StateParam(BAG), due=beam.DoFn.StateParam(DUE)):
        if time.time() < due.read():
            count("early")
        yield "held", sum(bag.read())
        bag.clear()
        due.clear()

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
ticks = pipeline | "Clock" >> PeriodicImpulse(fire_interval=0.2) | "Tick" >> beam.Map(lambda _: ("a", 1))
ticks | "Quiet" >> beam.ParDo(Quiet())
ticks | "Recalled" >> beam.ParDo(Recalled())
windows = ticks | beam.WindowInto(FixedWindows(1))
(windows | "Late" >> beam.ParDo(Late()) | "Sum" >> beam.CombinePerKey(sum) | "Out" >> beam.Map(lambda pair: count("out", pair[1])))
(ticks | GroupIntoBatches(1000, max_buffering_duration_secs=1) | "Batches" >> beam.Map(lambda batch: count("batches")))
print(pipeline.run().job_id())
'''

SESSIONS = '''
import sys

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import Sessions

class Keep(beam.DoFn):
    def process(self, pair, window=beam.DoFn.WindowParam):
        Metrics.counter("sessions", "closed").inc()
        Metrics.counter("sessions", "out").inc(pair[1])
        Metrics.distribution("sessions", "milliseconds").update(int((window.end.micros - window.start.micros) / 1000))

def visits(moment):
    """For two seconds of each four there are visits."""
    if int(moment) % 4 < 2:
        Metrics.counter("sessions", "in").inc()
        yield "visitor", 1

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
(pipeline | "Clock" >> PeriodicImpulse(fire_interval=0.2) | "Visit" >> beam.FlatMap(visits) | beam.WindowInto(Sessions(1))
 | "Count" >> beam.CombinePerKey(sum) | "Keep" >> beam.ParDo(Keep()))
print(pipeline.run().job_id())
'''


PANES = """
import sys

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.trigger import AccumulationMode, AfterAll, AfterAny, AfterCount, AfterProcessingTime, AfterWatermark, Repeatedly
from apache_beam.transforms.window import FixedWindows, GlobalWindows, Sessions, TimestampedValue
from apache_beam.utils.windowed_value import PaneInfoTiming

EACH, SO_FAR = AccumulationMode.DISCARDING, AccumulationMode.ACCUMULATING

def tick(_):
    Metrics.counter("panes", "in").inc()
    return "a", 1

class Note(beam.DoFn):
    def __init__(self, name):
        self.name = name

    def process(self, pair, pane=beam.DoFn.PaneInfoParam):
        Metrics.counter("panes", self.name).inc(pair[1])
        Metrics.counter("panes", f"{self.name} {PaneInfoTiming.to_string(pane.timing)}").inc()
        Metrics.distribution("panes", f"{self.name} size").update(pair[1])

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
ticks = pipeline | PeriodicImpulse(fire_interval=0.1) | beam.Map(tick)

def group(name, elements, window, trigger, mode=EACH, lateness=0):
    windows = beam.WindowInto(window, trigger=trigger, accumulation_mode=mode, allowed_lateness=lateness)
    return elements | f"{name} windows" >> windows | f"{name} sum" >> beam.CombinePerKey(sum) | name >> beam.ParDo(Note(name))

group("early", ticks, FixedWindows(3), AfterWatermark(early=AfterCount(5)))
group("so far", ticks, FixedWindows(3), AfterWatermark(early=AfterProcessingTime(1)), SO_FAR)
group("ten", ticks, GlobalWindows(), Repeatedly(AfterCount(10)))
group("either", ticks, GlobalWindows(), Repeatedly(AfterAny(AfterCount(1000), AfterProcessingTime(1))))
group("both", ticks, GlobalWindows(), Repeatedly(AfterAll(AfterCount(5), AfterProcessingTime(1))))
group("once", ticks, GlobalWindows(), AfterCount(10))
group("session", ticks, Sessions(2), AfterWatermark(early=AfterCount(10)), SO_FAR)

late = ticks | "5 s late" >> beam.Map(lambda pair, moment=beam.DoFn.TimestampParam: TimestampedValue(pair, moment - 5))
group("late", late, FixedWindows(1), AfterWatermark(late=AfterCount(1)), lateness=20)
group("too late", late, FixedWindows(2), AfterWatermark(late=AfterCount(1)))
print(pipeline.run().job_id())
"""
GIVEN_ONCE = ("early", "ten", "either", "both", "late")

POLLING = '''
import sys

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, Repeatedly
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import Duration

class Numbers(beam.RestrictionProvider):
    def initial_restriction(self, element):
        return OffsetRange(0, 1_000_000)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return 1

class Poll(beam.DoFn):
    """Asks once a second, and says nothing of a watermark."""
    @beam.DoFn.unbounded_per_element()
    def process(self, element, tracker=beam.DoFn.RestrictionParam(Numbers())):
        if tracker.try_claim(tracker.current_restriction().start):
            Metrics.counter("polling", "asked").inc()
            yield "a", 1
            tracker.defer_remainder(Duration(seconds=1))

def count(name):
    return name >> beam.Map(lambda pair: Metrics.counter("polling", name).inc(pair[1]))

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
answers = pipeline | beam.Impulse() | beam.ParDo(Poll())
each = beam.WindowInto(GlobalWindows(), trigger=Repeatedly(AfterCount(1)), accumulation_mode=AccumulationMode.DISCARDING)
answers | each | beam.CombinePerKey(sum) | count("summed")
answers | beam.Reshuffle() | count("passed")
print(pipeline.run().job_id())
'''


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(engine="beam") as running:
        running.objects.write("gs://staging/here", b"")
        yield running


class Stream:
    """A pipeline that runs, and its counters."""

    def __init__(self, program: tuple[int, str, str], ask: Asker) -> None:
        status, output, errors = program
        assert status == 0, errors
        self.job_id = output.strip()
        self._ask = ask
        until(lambda: self.is_in("RUNNING"))

    def is_in(self, state: str) -> bool:
        return in_state(self._ask, self.job_id, state)

    def count(self, name: str) -> Any:
        """The value of a user's metric."""
        metrics = self._ask(Job.get_metrics, jobId=self.job_id).get("metrics", [])
        values = [m.get("scalar", m.get("distribution")) for m in metrics if m["name"]["origin"] == "user" and m["name"]["name"] == name]
        return values[0] if values else 0

    def drain(self) -> None:
        self._ask.update({"id": self.job_id}, {"requestedState": "JOB_STATE_DRAINED"})
        until(lambda: self.is_in("DRAINED"))


def test_timers_fire_when_they_are_due(author: Author, ask: Asker) -> None:
    stream = Stream(finish(author.submit(TIMERS, "--job_name=timers")), ask)
    count = stream.count
    until(lambda: count("out") >= 15 and count("batches") >= 3)
    assert stream.is_in("RUNNING")
    assert (count("quiet"), count("cleared"), count("recalled"), count("early")) == (0, 1, 0, 0)
    assert count("batches") <= count("in") / 3  # each holds what came in a second
    stream.drain()
    assert (count("quiet"), count("recalled")) == (1, 0)
    assert count("out") == count("in")  # nothing was late


def test_sessions_close_while_a_stream_runs(author: Author, ask: Asker) -> None:
    stream = Stream(finish(author.submit(SESSIONS, "--job_name=sessions")), ask)
    until(lambda: stream.count("closed") >= 3)
    assert stream.is_in("RUNNING")
    stream.drain()
    assert stream.count("out") == stream.count("in")  # none closed before its last element came
    assert stream.count("closed") <= stream.count("in") / 5
    assert 2700 <= stream.count("milliseconds")["max"] <= 3000


def test_triggers_fire_while_a_stream_runs(author: Author, ask: Asker) -> None:
    stream = Stream(finish(author.submit(PANES, "--job_name=panes", "--allow_unsafe_triggers")), ask)
    until(lambda: all(stream.count(f"{name} EARLY") >= 3 for name in ("early", "so far", "ten", "either", "both", "session")))
    until(lambda: all(stream.count(name) >= 3 for name in ("early ON_TIME", "so far ON_TIME", "late LATE")))
    assert stream.is_in("RUNNING")
    in_time = stream.count("too late")  # what came before there was a watermark
    assert stream.count("ten size")["min"] >= 10
    assert stream.count("both size")["min"] >= 5
    stream.drain()
    total = stream.count("in")
    assert {name: stream.count(name) for name in GIVEN_ONCE} == dict.fromkeys(GIVEN_ONCE, total)
    assert stream.count("session size")["max"] == total
    assert 29 <= stream.count("so far size")["max"] <= 31  # three seconds of ticks
    assert [stream.count(f"once {timing}") for timing in ("EARLY", "ON_TIME", "LATE")] == [1, 0, 0]
    assert stream.count("too late") == in_time


def test_a_source_is_read_when_it_asks_to_be_and_needs_no_watermark(author: Author, ask: Asker) -> None:
    stream = Stream(finish(author.submit(POLLING, "--job_name=polling")), ask)
    until(lambda: stream.count("asked") >= 1)
    asked, began = stream.count("asked"), time.monotonic()
    until(lambda: stream.count("summed") >= asked + 3 and stream.count("passed") >= asked + 3)
    assert stream.is_in("RUNNING")
    assert stream.count("asked") <= asked + time.monotonic() - began + 2
