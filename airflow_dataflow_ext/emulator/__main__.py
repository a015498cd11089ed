"""``python -m airflow_dataflow_ext.emulator``: serve until a signal comes, and print how to connect."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import shlex
import signal
import sys
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from airflow_dataflow_ext.emulator.embedded import ENGINES, Emulator
from airflow_dataflow_ext.emulator.google.names import StorageError
from airflow_dataflow_ext.emulator.google.oauth import MODES
from airflow_dataflow_ext.emulator.http.clock import ManualClock, RealClock
from airflow_dataflow_ext.emulator.http.router import NAME
from airflow_dataflow_ext.emulator.http.server import HOST

PORT = 8085
"""The default port of the emulator."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not _is_this_emulators_host(options.host):
        print(f"The emulator serves only this machine, on {HOST}; it does not listen on {options.host}.", file=sys.stderr)
        return 2
    if options.print_env:
        return _print_environment(options.port)
    try:
        emulator = _emulator(options)
    except (OSError, ValueError) as error:
        print(f"The emulator cannot start: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup keeps a program running when its terminal is closed
        ends.append(signal.SIGHUP)
    for name in ends:
        signal.signal(name, lambda *_: stop.set())
    try:
        emulator.start()
        _announce(emulator, options.ready_file)
    except (OSError, ValueError, StorageError) as error:
        print(_why(error, options.port), file=sys.stderr)
        emulator.close()
        return 1
    stop.wait()
    emulator.close()
    return 0


def _why(error: Exception, port: int) -> str:
    """What prevented the start, in one line."""
    if not isinstance(error, OSError):
        return str(error)
    what = f"use {error.filename}" if error.filename else f"listen on port {port}"
    return f"The emulator cannot {what}: {os.strerror(error.errno) if error.errno else error}."


def _parser() -> argparse.ArgumentParser:
    what = "Dataflow, CRM Analytics, their logins and Cloud Storage on this machine."
    parser = argparse.ArgumentParser(prog="python -m airflow_dataflow_ext.emulator", description=what)
    parser.add_argument("--host", default=HOST, help="the loopback address, which is the only one accepted (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=PORT, help="port of Dataflow and OAuth; 0 for any free one (default: %(default)s)")
    parser.add_argument("--print-env", action="store_true", help="print shell commands that connect to the emulator on --port, and exit")
    parser.add_argument("--gcs-port", type=_port, default=0, help="port of Cloud Storage; 0 for any free one (default: %(default)s)")
    parser.add_argument("--no-gcs", action="store_true", help="do not serve Cloud Storage; requires --engine scripted")
    parser.add_argument(
        "--data", type=_path, help="directory for objects, jobs, logs and the service account's key (default: nothing is kept)"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="what runs the jobs (default: %(default)s)")
    parser.add_argument("--scripts", type=_path, help="JSON list of scripts, for --engine scripted or auto")
    images = "JSON object: container image -> Python pipeline file, or program and python; for --engine beam or auto"
    parser.add_argument("--images", type=_path, help=images)
    parser.add_argument("--auth", choices=MODES, default="optional", help="whether calls need a token (default: %(default)s)")
    parser.add_argument("--token-lifetime", type=_seconds, default=3600, metavar="SECONDS", help="(default: %(default)s)")
    parser.add_argument("--manual-clock", action="store_true", help="time stands still until POST /_emulator/clock advances it")
    parser.add_argument("--ready-file", type=_path, help="file that is written, as JSON, when all services are ready")
    return parser


def _port(text: str) -> int:
    """A port number, 0 for any free one.

    :raises argparse.ArgumentTypeError: it is not a port number.
    """
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _path(text: str) -> Path:
    """A path; without this check, an unset variable of a shell would name the current directory.

    :raises argparse.ArgumentTypeError: it is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("a path is needed; this one is empty")
    return Path(text)


def _seconds(text: str) -> int:
    """
    :raises argparse.ArgumentTypeError: it is not a whole number of seconds.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a lifetime is a whole number of seconds, not {text!r}")
    return int(text)


def _emulator(options: argparse.Namespace) -> Emulator:
    if options.no_gcs and options.engine != "scripted":
        raise ValueError("--no-gcs requires --engine scripted: the other engines read templates and data from Cloud Storage")
    if options.scripts and options.engine == "beam":
        raise ValueError("--scripts requires --engine scripted or auto: with --engine beam, no job follows a script")
    if options.images and options.engine == "scripted":
        raise ValueError("--images requires --engine beam or auto: with --engine scripted, no job runs a program")
    if options.ready_file and options.ready_file.is_dir():
        raise ValueError(f"--ready-file must name a file; {options.ready_file} is a directory")
    emulator = Emulator(
        port=options.port,
        gcs_port=None if options.no_gcs else options.gcs_port,
        data=options.data,
        engine=options.engine,
        clock=ManualClock() if options.manual_clock else RealClock(),
        auth=options.auth,
        token_lifetime=options.token_lifetime,
        images=options.images,
    )
    if options.scripts:
        try:
            emulator.scripts.load(options.scripts.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"Cannot read the scripts {options.scripts}: {error}") from error
    return emulator


def _is_this_emulators_host(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host) == ipaddress.ip_address(HOST)
    except ValueError:
        return False


def _print_environment(port: int) -> int:
    """Print the lines that connect a shell to a running emulator."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{NAME}:{port}/_emulator/environment", timeout=10) as answer:
            variables = json.load(answer)
    except (OSError, ValueError) as error:
        print(f"No emulator answers on port {port}: {error}. Start one, or name its port with --port.", file=sys.stderr)
        return 1
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _announce(emulator: Emulator, ready_file: Path | None) -> None:
    variables = emulator.environment()
    print(f"Dataflow v1b3 and OAuth   {emulator.url}")
    print(f"CRM Analytics             {emulator.url}")
    print(f"Cloud Storage             {emulator.gcs_url or 'not served'}")
    print(f"Control                   {emulator.url}/_emulator/health")
    port = emulator.url.rpartition(":")[2]
    which = "" if port == str(PORT) else f" --port {port}"
    print(f"\nIn the shell that starts Airflow, or a pipeline with --runner=DataflowRunner --dataflow_endpoint={emulator.url}:\n")
    print(f'eval "$(python -m airflow_dataflow_ext.emulator --print-env{which})"\n', flush=True)
    if ready_file is not None:
        content = {"url": emulator.url, "gcs_url": emulator.gcs_url, "environment": variables, "pid": os.getpid()}
        partly = ready_file.with_name(ready_file.name + ".part")
        partly.write_text(json.dumps(content), "utf-8")
        partly.replace(ready_file)


if __name__ == "__main__":
    sys.exit(main())
