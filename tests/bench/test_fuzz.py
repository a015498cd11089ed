"""No request makes the emulator fail, whatever it is; a short run of the program that says so for twenty thousand."""

from __future__ import annotations

import json

import pytest

from bench.fuzz import FAULTS, main
from bench.fuzz_bodies import accepted_breach
from bench.fuzz_client import Answer, Sent

JOBS = "/v1b3/projects/a-project/locations/us-central1/jobs"


def test_no_request_makes_the_emulator_fail_or_change_by_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--requests", "300", "--bodies", "300", "--seed", "3"])
    output = capsys.readouterr().out.splitlines()
    counted = json.loads(output[-1])
    assert {kind: counted[kind] for kind in FAULTS} == dict.fromkeys(FAULTS, 0), output
    assert counted["requests"] == 600
    assert counted["accepted"] > 60


@pytest.mark.parametrize(
    ("body", "reply", "breach"),
    [
        ({"name": "a", "environment": {"workerPools": [{"numWorkers": "5"}]}}, {"id": "j"}, ""),
        ({"name": "a", "nope": 1}, {"id": "j"}, "request.nope"),
        ({"name": "a", "environment": {"workerPools": [{"numWorkers": " 5 "}]}}, {"id": "j"}, "numWorkers"),
        ({"name": "a"}, {"id": ""}, "reply.id"),
    ],
)
def test_the_judge_of_accepted_calls_sees_breaches(body: object, reply: object, breach: str) -> None:
    sent = Sent(port=0, verb="POST", target=JOBS, body=json.dumps(body).encode())
    found = accepted_breach(sent, Answer(status=200, kind="", body=json.dumps(reply).encode()))
    assert breach in found
    assert bool(breach) == bool(found)
