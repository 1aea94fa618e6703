"""`syncd run`: the daemon."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import typer

from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from syncd.daemon.loaded import LoadedFiles
    from syncd.ports import Emit
    from syncd.store import Stores


def run(context: typer.Context) -> int:
    """Watch the sources and keep every deployment as the mapping says, until told to stop.

    SIGTERM ends it within ten seconds. SIGHUP reads configuration and mappings anew, as happens by itself when they change.
    """
    from syncd.daemon.startup import opened
    from syncd.log import set_up

    this = invocation(context)
    emit = set_up(verbose=not this.quiet, quiet=this.quiet)
    with opened(this.config) as (files, store):
        _serve(files, store, emit, verbose=this.verbose)
    _leave()
    return 0


def _serve(files: LoadedFiles, store: Stores, emit: Emit, *, verbose: bool) -> None:
    from syncd import web
    from syncd.daemon.service import Daemon, Host
    from syncd.daemon.systemd import Notify

    settings = files.settings
    auth = web.Authenticator(settings.http)
    daemon = Daemon(
        files,
        store,
        Host(
            emit,
            Notify.from_env(os.environ),
            verbose=verbose,
            reloaded=lambda fresh: auth.change(fresh.http),
            give_up=lambda: os._exit(0),
        ),
    )
    asked = web.app(daemon, store.queries, store.presence, auth=auth, emit=daemon.emit)
    server = web.Server(asked, path=settings.daemon.socket, http=settings.http, emit=daemon.emit)
    signal.signal(signal.SIGTERM, lambda *_: daemon.ask_to_stop())
    signal.signal(signal.SIGINT, lambda *_: daemon.ask_to_stop())
    signal.signal(signal.SIGHUP, lambda *_: daemon.ask_to_reload())
    server.start()
    try:
        daemon.run()
    finally:
        server.stop(1.0)
        for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(
                told, signal.SIG_IGN
            )  # it ends already; Python would give the second one its default at its end


def _leave() -> None:
    """End now, although a call may still be waiting for its answer: its intent is in the journal."""
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
