"""The timers of a stream fire when they are due, at most as often as they are due, and hold back the windows that they write to."""

from __future__ import annotations

from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(engine="beam") as running:
        running.objects.write("gs://staging/here", b"")
        yield running


def test_timers_fire_when_they_are_due(author: Author, emulator: Emulator, ask: Asker) -> None:
    status, output, errors = finish(author.submit(TIMERS, "--job_name=timers"))
    assert status == 0, errors
    job_id = output.strip()

    def count(name: str) -> int:
        metrics = ask(Job.get_metrics, jobId=job_id).get("metrics", [])
        return max((m["scalar"] for m in metrics if m["name"]["origin"] == "user" and m["name"]["name"] == name), default=0)

    until(lambda: in_state(ask, job_id, "RUNNING"))
    until(lambda: count("out") >= 15 and count("batches") >= 3)
    assert in_state(ask, job_id, "RUNNING")
    assert (count("quiet"), count("cleared"), count("recalled"), count("early")) == (0, 1, 0, 0)
    assert count("batches") <= count("in") / 3  # each holds what came in a second

    ask.update({"id": job_id}, {"requestedState": "JOB_STATE_DRAINED"})
    until(lambda: in_state(ask, job_id, "DRAINED"))
    assert (count("quiet"), count("recalled")) == (1, 0)
    assert count("out") == count("in")  # nothing was late
