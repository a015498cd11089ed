"""What a stream does while it runs: its timers fire when they are due and hold back windows, and its sessions close after their gap."""

from __future__ import annotations

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
