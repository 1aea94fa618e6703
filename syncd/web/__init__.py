"""The HTTP API of the daemon, on a Unix socket and, where it is configured, on TCP.

app        the Starlette application: every request goes through the same few steps
endpoint   what an endpoint works with and is given
endpoints  what can be asked, and what does it
parameters what a request says, checked
answers    values of the daemon and the database as JSON
problems   what is wrong with a request, as problem+json
auth       who may come in, and under which name of this host
threads    work that may wait, kept off the event loop
openapi    the description of all this, made from the endpoints
server     uvicorn in a thread, on both listeners
listening  the sockets
timeouts   connections that take too long
"""

from __future__ import annotations

from syncd.web.app import app
from syncd.web.auth import Authenticator
from syncd.web.server import Server

__all__ = ["Authenticator", "Server", "app"]
