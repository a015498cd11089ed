"""What another process can tell the emulator, and the command line."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.emulator import Emulator, ManualClock
from airflow_dataflow_ext.emulator.__main__ import main
from airflow_dataflow_ext.emulator.embedded import SAVE_EVERY
from tests.asking import Asker


def tell(emulator: Emulator, verb: str, call: str, body: Any = None, status: int = 200) -> Any:
    response = requests.request(verb, f"{emulator.url}/_emulator/{call}", json=body, timeout=60)
    assert response.status_code == status, response.text
    return response.json()


def test_another_process_can_script_set_and_read_everything(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    tell(still_emulator, "POST", "scripts", {"pattern": "wc", "steps": [[60, "JOB_STATE_RUNNING"]]})
    tell(still_emulator, "POST", "faults", {"method": "jobs.get", "status": 503})
    assert tell(still_emulator, "GET", "faults/unused")[0]["status"] == 503
    job = ask.launch("wc")
    assert requests.get(f"{still_emulator.url}/v1b3/projects/p/jobs/{job['id']}", timeout=60).status_code == 503
    assert tell(still_emulator, "GET", "faults/unused") == []
    before = tell(still_emulator, "GET", "clock")["now"]
    assert tell(still_emulator, "POST", "clock", {"advance": 60})["now"] == before + 60 == clock.now()
    assert ask.state(job) == "JOB_STATE_RUNNING"
    tell(still_emulator, "POST", "jobs/state", {"job": job["id"], "state": "JOB_STATE_FAILED"})
    assert tell(still_emulator, "GET", "jobs")[0]["job"]["currentState"] == "JOB_STATE_FAILED"
    assert tell(still_emulator, "GET", "requests")["counts"]["templates.launch"] == 1
    assert [entry["status"] for entry in tell(still_emulator, "GET", "requests?method=jobs.get")["requests"]] == [503, 200]
    assert tell(still_emulator, "POST", "settings", {"failed_locations": ["x"]})["failed_locations"] == ["x"]
    assert tell(still_emulator, "GET", "health") == {"status": "serving", "engine": "scripted", "jobs": 1}


def test_wiping_forgets_everything(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    ask.launch("wc")
    tell(still_emulator, "POST", "scripts", {"pattern": "wc", "steps": []})
    tell(still_emulator, "POST", "faults", {"method": "jobs.get", "status": 503})
    rung: list[str] = []
    clock.on_loop(lambda: clock.after(1, lambda: rung.append("an old alarm")))
    before = tell(still_emulator, "GET", "settings"), tell(still_emulator, "POST", "wave/settings", {})
    tell(still_emulator, "POST", "settings", {"full": {"us-central1": "QUOTA_FOR_INSTANCES"}, "page_size": 1})
    tell(still_emulator, "POST", "wave/settings", {"stopped": "Failure"})
    tell(still_emulator, "POST", "wipe")
    assert (len(still_emulator.jobs), len(still_emulator.scripts), len(still_emulator.requests)) == (0, 0, 0)
    assert still_emulator.faults.unused() == []
    assert (tell(still_emulator, "GET", "settings"), tell(still_emulator, "POST", "wave/settings", {})) == before
    ask.launch("wc")
    clock.advance(60)
    assert still_emulator.jobs.by_name("wc")[0]["currentState"] == "JOB_STATE_DONE"
    assert rung == []


@pytest.mark.parametrize(
    ("verb", "call", "body", "status"),
    [
        ("POST", "faults", {"method": "jobs.get", "stauts": 503}, 400),
        ("POST", "faults", [], 400),
        ("POST", "faults", {"method": "jobs.gte", "status": 503}, 400),
        ("POST", "faults", {"status": 503, "times": 0}, 400),
        ("POST", "faults", {"status": 503, "skip": -1}, 400),
        ("POST", "faults", {"status": 503, "probability": 2}, 400),
        ("POST", "wipe", {"all": True}, 400),
        ("POST", "scripts", {"steps": [[0, "RUNNING"]]}, 400),
        ("POST", "clock", {"advance": -1}, 400),
        ("POST", "clock", {}, 400),
        ("POST", "jobs/state", {"job": "none", "state": "JOB_STATE_DONE"}, 400),
        ("POST", "settings", {"colour": "red"}, 400),
        ("POST", "settings", {"read_lag": "long"}, 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_a_mistake_is_said(still_emulator: Emulator, verb: str, call: str, body: Any, status: int) -> None:
    assert f"{verb} {call}" in tell(still_emulator, verb, call, body, status)["error"]


def test_the_machines_clock_cannot_be_advanced(emulator: Emulator) -> None:
    assert "manual" in tell(emulator, "POST", "clock", {"advance": 1}, 400)["error"]


def test_the_connection_is_one_that_airflow_reads(emulator: Emulator) -> None:
    connection = json.loads(emulator.connections()["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])
    assert connection["conn_type"] == "google_cloud_platform"
    assert connection["extra"]["dataflow_endpoint"] == emulator.url
    assert json.loads(connection["extra"]["keyfile_dict"])["token_uri"] == f"{emulator.url}/token"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The emulator as a program, and what it wrote when it was ready."""
    ready, scripts = tmp_path / "ready.json", tmp_path / "scripts.json"
    scripts.write_text(json.dumps([{"pattern": "wc", "steps": [[0, "JOB_STATE_RUNNING"]]}]))
    command = [
        sys.executable,
        "-m",
        "airflow_dataflow_ext.emulator",
        "--port",
        "0",
        "--engine",
        "scripted",
        "--data",
        str(tmp_path / "data"),
    ]
    process = subprocess.Popen(
        [*command, "--scripts", str(scripts), "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),  # also where nohup runs the tests
    )
    try:
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None, "the emulator ended before it was ready"
            assert time.monotonic() < deadline, "the emulator did not become ready"
            time.sleep(0.05)
        yield process, json.loads(ready.read_text())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_program_serves_says_how_to_connect_and_ends_on_a_signal(served: Any, name: signal.Signals) -> None:
    process, ready = served
    ask = Asker(ready["url"])
    assert ask.state(ask.launch("wc")) == "JOB_STATE_RUNNING"
    assert ready["environment"]["STORAGE_EMULATOR_HOST"] == ready["gcs_url"]
    os.kill(process.pid, name)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert ready["url"] in output
    assert f'eval "$(python -m airflow_dataflow_ext.emulator --print-env --port {ready["url"].rpartition(":")[2]})"' in output


def test_with_nohup_the_end_of_the_terminal_does_not_end_the_program() -> None:
    command = ["nohup", sys.executable, "-m", "airflow_dataflow_ext.emulator", "--port", "0", "--engine", "scripted", "--no-gcs"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert "Dataflow" in process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(60) == 0


def test_a_shell_that_evaluates_the_print_of_the_environment_is_connected(emulator: Emulator) -> None:
    show = f"{sys.executable} -c 'import os; print(os.environ[\"AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT\"])'"
    command = f'eval "$({sys.executable} -m airflow_dataflow_ext.emulator --print-env --port {emulator.url.rpartition(":")[2]})"; {show}'
    shell = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert json.loads(shell.stdout) == json.loads(emulator.connections()["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])


def test_the_environment_of_an_emulator_that_does_not_run_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-env", "--port", "9"]) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("No emulator answers on port 9: ")


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--engine", "scripted", "--no-gcs"]) == 1
    assert capsys.readouterr().err.strip().splitlines() == [f"The emulator cannot listen on port {port}: Address already in use."]


def test_other_hosts_than_this_machine_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for host in ("0.0.0.0", "192.168.0.1", "example.com"):
        assert main(["--host", host]) == 2
        assert host in capsys.readouterr().err


def test_wrong_files_and_options_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('["x"]')
    for options in (
        ["--images", str(file)],
        ["--scripts", str(file)],
        ["--images", str(tmp_path / "none")],
        ["--scripts", str(tmp_path / "none")],
    ):
        assert main([*options, "--port", "0"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("The emulator cannot start: ")
        assert options[1] in error


@pytest.mark.parametrize(
    "options",
    [
        ["--no-gcs", "--engine", "beam"],
        ["--scripts", "scripts.json", "--engine", "beam"],
        ["--images", "images.json", "--engine", "scripted"],
        ["--ready-file", "."],
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*options, "--port", "0"]) == 2
    assert capsys.readouterr().err.startswith(f"The emulator cannot start: {options[0]} ")


@pytest.mark.parametrize("options", [["--token-lifetime", "-5"], ["--token-lifetime", "1h"]])
def test_a_wrong_option_is_refused_by_name(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*options, "--engine", "scripted", "--port", "0"])
    assert f"error: argument {options[-2]}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        (["data"], [], "cannot use {}/data"),
        (["data/service-account.json"], [], "{}/data/service-account.json holds no key of the emulator"),
        (["data/dataflow.sqlite"], [], "{}/data/dataflow.sqlite cannot be read as this version's jobs"),
        ([], ["--ready-file", "none/ready.json"], "cannot use none/ready.json.part: No such file or directory"),
    ],
)
def test_a_file_that_prevents_the_start_is_named_in_one_line(
    files: list[str], options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text('{"x": 1}' * 500)
    assert main(["--data", str(tmp_path / "data"), *options, "--engine", "scripted", "--port", "0"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said.format(tmp_path) in lines[0]


def test_a_data_directory_that_another_emulator_uses_is_left_alone(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as first:
        first.scripts.play("*", [(0.0, "JOB_STATE_RUNNING")])
        ask = Asker(first.url)
        job = ask.launch("stream")
        key = Path(first.environment()["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()
        with pytest.raises(ValueError, match=rf"^Another emulator uses {tmp_path}\. "), Emulator(data=tmp_path) as other:
            other.environment()
        assert Path(first.environment()["GOOGLE_APPLICATION_CREDENTIALS"]).read_text() == key
        assert ask.state(job) == "JOB_STATE_RUNNING"
    with Emulator(data=tmp_path) as second:
        assert Asker(second.url).state(job) == "JOB_STATE_FAILED"


def test_an_emulator_whose_data_directory_is_gone_serves_on_and_says_once_what_it_cannot_save(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Emulator(data=tmp_path / "data") as emulator:
        shutil.rmtree(tmp_path / "data")
        ask = Asker(emulator.url)
        for name in ("a", "b"):
            ask.launch(name)
            time.sleep(2 * SAVE_EVERY)
    said = [record.message for record in caplog.records if "not saved" in record.message]
    (line,) = said
    assert line.startswith(
        f"Jobs, snapshots and pipelines are not saved in {tmp_path}/data/dataflow.sqlite: unable to open database file. "
    )


@pytest.mark.parametrize("option", ["--data", "--scripts", "--images", "--ready-file"])
def test_an_empty_path_is_refused_by_name(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option, ""])
    assert f"argument {option}: a path is needed; this one is empty" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused_by_name(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--port={port}"])
    assert f"argument --port: a port is a number from 0 to 65535, not '{port}'" in capsys.readouterr().err


def test_a_fault_at_a_method_that_nobody_serves_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match=r"^the emulator serves no method 'templates.lunch'; did you mean 'templates.launch'\?$"):
        emulator.faults.add("templates.lunch", status=503)
    assert list(emulator.faults) == []
    for pattern in ("jobs.*", "wave.*.start", "*"):
        emulator.faults.add(pattern, status=503)
    emulator.faults.clear()


def test_an_emulator_with_such_a_fault_does_not_start() -> None:
    emulator = Emulator()
    emulator.faults.add("storage.objects.frobnicate", status=503)
    with pytest.raises(ValueError, match=r"a method is named by its id, such as jobs.get or wave.jobs.start"):
        emulator.start()
    assert emulator.url == ""
