"""The HTTP server of Cloud Storage, with one thread and one event loop; it knows nothing of buckets."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Callable, Mapping

from aiohttp import web

from airflow_dataflow_ext.emulator.google.gcs_errors import refuse_json
from airflow_dataflow_ext.emulator.google.names import StorageError
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing
from airflow_dataflow_ext.emulator.http.server import close

BODY_LIMIT = 2 * 1024 * 1024 * 1024
"""Greatest size of a request in bytes; the whole request is held in memory."""
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
_UNTIL_STOPPED = 10.0
Answer = Callable[[str, str, Mapping[str, str], bytes, str], Outgoing]
"""A function of HTTP method, target as in the request line, headers with names in lower case, body, and origin; see ``StorageService``."""
# A client that does not send HTTP gets a 400, without a traceback in the log.
_SILENT = logging.getLogger(f"{__name__}.http")
_SILENT.setLevel(logging.CRITICAL + 1)


class StorageServer:
    """Accepts connections from its creation, and answers them after :meth:`start`.

    :raises StorageError: the port is in use.
    """

    def __init__(self, answer: Answer, host: str, port: int) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(128)
        except OSError as error:
            self._socket.close()
            raise StorageError(f"The storage emulator cannot listen on {host}:{port}: {error.strerror or error}.") from error
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gcs-emulator", daemon=True)
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, logger=_SILENT, shutdown_timeout=0.5, auto_decompress=False)

    def start(self) -> None:
        """Start serving in a thread of its own."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(close(self._runner, self._socket), self._loop).result(_UNTIL_STOPPED)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._socket.close()

    async def _serve(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def _handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        host = headers.get("host", "")
        origin = f"http://{host}" if _HOST.fullmatch(host) else self.url
        try:
            content = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _response(refuse_json(ApiError(413, f"The request has more than {BODY_LIMIT} bytes.", reason="uploadTooLarge")))
        except web.RequestPayloadError as error:
            return _response(refuse_json(ApiError(400, f"The body of the request cannot be read: {error}")))
        return _response(self._answer(request.method, request.raw_path, headers, content, origin))


def _response(outgoing: Outgoing) -> web.Response:
    headers = {"Content-Type": outgoing.content_type, **outgoing.headers} if outgoing.content else dict(outgoing.headers)
    return web.Response(status=outgoing.status, body=outgoing.content, headers=headers)
