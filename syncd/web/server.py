"""Serves the application in a thread: on the control socket, and on TCP where that is configured."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from syncd.config.settings import HttpSettings
from syncd.errors import SyncdError
from syncd.ports import Emit
from syncd.web.app import AT_SOCKET, state_of
from syncd.web.listening import ServerCertificate, identity, listen_tcp, listen_unix
from syncd.web.timeouts import TimedProtocol

START_S = 10.0
LOOK_AT_CERTIFICATE = 600
"""Ticks of uvicorn (0.1 s) between two looks at the files of the certificate."""


class Server:
    """One application behind two listeners; both share one event loop in one thread.

    `http` without a port of its own (0) takes any free one; `port` tells which.
    """

    def __init__(
        self,
        app: Starlette,
        *,
        path: Path | None,
        http: HttpSettings | None,
        emit: Emit,
        timeouts: type[TimedProtocol] = TimedProtocol,
    ) -> None:
        self._app = app
        self._timeouts = timeouts
        self._path = path
        self._http = http
        self._emit = emit
        self._serving: tuple[_Serving, ...] = ()
        self._thread: Thread | None = None
        self._made: tuple[int, int] | None = None
        self.port: int | None = None

    def start(self) -> None:
        """Listen, and begin to answer.

        Raises:
            SyncdError: an address is taken, a certificate cannot be used, or no answer came in time.
        """
        with ExitStack() as undo:
            self._serving = tuple(self._listen(undo))
            self._thread = Thread(target=self._run, name="http", daemon=True)
            self._thread.start()
            self._await_start()
            undo.pop_all()
        self._emit("http_listening", socket=str(self._path or ""), port=self.port)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End within the time. Who waits for a job is told how it stands now; whoever is not done by half of it is cut."""
        state_of(self._app).stopping = True
        for serving in self._serving:
            serving.patience_s = timeout_s / 2
            serving.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._remove_socket()
        self._emit("http_closed")

    def _listen(self, undo: ExitStack) -> list[_Serving]:
        serving = []
        if self._path is not None:
            listener = undo.enter_context(listen_unix(self._path))
            self._made = identity(self._path)
            undo.callback(self._remove_socket)
            config = self._config(_through_socket(self._app))
            serving.append(_Serving(config, listener, None, emit=self._emit))
        if (http := self._http) is not None:
            certificate = ServerCertificate(http.tls_cert, http.tls_key) if http.tls_cert else None
            listener = undo.enter_context(listen_tcp(http.listen_host, http.listen_port))
            self.port = listener.getsockname()[1]
            serving.append(_Serving(self._config(self._app), listener, certificate, emit=self._emit))
        return serving

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        return uvicorn.Config(
            app,
            http=self._timeouts,
            interface="asgi3",
            lifespan="off",
            ws="none",
            proxy_headers=False,  # nobody stands between us and the caller
            server_header=False,
            log_config=None,
            log_level="critical",  # the application tells of its own errors
            access_log=False,
        )

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - the end of the thread: nobody else would hear of it
            self._emit("http_failed", error=repr(error), exc_info=error)

    async def _serve(self) -> None:
        await asyncio.gather(*(serving.serve([serving.listener]) for serving in self._serving))

    def _await_start(self) -> None:
        assert self._thread is not None
        until = time.monotonic() + START_S
        while not all(serving.started for serving in self._serving):
            if time.monotonic() > until or not self._thread.is_alive():
                raise SyncdError("the control socket and HTTP could not be started; the log says why")
            time.sleep(0.005)

    def _remove_socket(self) -> None:
        """Take our socket away; not one that another daemon has put there since."""
        if self._path is not None and self._made is not None and identity(self._path) == self._made:
            self._path.unlink(missing_ok=True)


def _through_socket(app: ASGIApp) -> ASGIApp:
    """Mark what comes through the Unix socket. Nothing in a request can set or clear this mark."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, AT_SOCKET: True}, receive, send)

    return marked


class _Serving(uvicorn.Server):
    """uvicorn on one listening socket; ends within its patience."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, certificate: ServerCertificate | None, *, emit: Emit
    ) -> None:
        super().__init__(config)
        config.load()
        config.ssl = certificate.context if certificate else None
        self.listener = listener
        self.patience_s = 0.0
        self._certificate = certificate
        self._emit = emit

    async def on_tick(self, counter: int) -> bool:
        if self._certificate is not None and counter % LOOK_AT_CERTIFICATE == LOOK_AT_CERTIFICATE - 1:
            self._renew(self._certificate)
        return await super().on_tick(counter)

    def _renew(self, certificate: ServerCertificate) -> None:
        try:
            if certificate.look_again():
                self._emit("certificate_renewed")
        except SyncdError as error:
            self._emit("certificate_rejected", error=str(error))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Over TLS, closing politely waits for an answer that idle callers do not give.
        self._hang_up(only_idle=True)
        later = asyncio.get_running_loop().call_later(self.patience_s, self._hang_up)
        await super().shutdown(sockets)
        later.cancel()

    def _hang_up(self, *, only_idle: bool = False) -> None:
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, TimedProtocol) and (connection.is_idle or not only_idle):
                connection.hang_up()
        if not only_idle:
            self.force_exit = True
            for task in tuple(self.server_state.tasks):
                task.cancel()
