"""The sockets that the daemon listens on, and what is wrong with them in one sentence each."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncd.callers import LONGEST_SOCKET_PATH
from syncd.errors import SyncdError

BACKLOG = 128


def listen_unix(path: Path) -> socket.socket:
    """Listen on a Unix socket that only the owner of this process may use. A file that nobody listens on is replaced.

    Raises:
        SyncdError: somebody listens there, or the file cannot be made.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise SyncdError(
            f"{path}: the path of the control socket is longer than {LONGEST_SOCKET_PATH} bytes; "
            'give a shorter one: [control] socket = "..."'
        )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone_in(path.parent):
            _clear(path)
            listener.bind(os.fspath(path))
            path.chmod(0o600)  # before listen(): until then nobody can connect
            listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SyncdError(
            f"{path}: the control socket cannot be made: {error.strerror}; see [control] socket"
        ) from error
    except SyncdError:
        listener.close()
        raise
    return listener


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep another daemon that starts now from taking our new socket for an old one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SyncdError(f"{path}: the control socket cannot be made: something else is there; move it away")
    if _answers(path):
        raise SyncdError(
            f"{path}: another daemon listens there; stop it first, or give this one another [control] socket"
        )
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except (BlockingIOError, TimeoutError):
            return True  # its queue is full: somebody listens, and is busy
    return True


def identity(path: Path) -> tuple[int, int] | None:
    """Tell one socket file from another that takes its place; None: there is none."""
    with suppress(OSError):
        found = path.lstat()
        return found.st_dev, found.st_ino
    return None


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 is any free one.

    Raises:
        SyncdError: the address is taken, is not of this machine, or may not be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SyncdError(f"[http] listen: {host}:{port}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SyncdError(f"[http] listen: {host}:{port}: {_why(error)}") from error
    return listener


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another process listens there; stop it, or take another port"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case errno.EACCES:
            return "the user that runs syncd may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE"
        case _:
            return error.strerror or "cannot be listened on"


class ServerCertificate:
    """A certificate and its key in a TLS context that takes the place of them when the files change.

    Raises:
        SyncdError: the files cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._files = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._stamp = self._stamps()
        self._load(self.context)

    def look_again(self) -> bool:
        """Take the files as they are now, where they changed; gives whether they had. Connections that stand go on.

        Raises:
            SyncdError: they changed and cannot be used; the ones before stay in use. Said once for each change.
        """
        stamp = self._stamps()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # a context may be left with half of what it could not load
        self._load(self.context)
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SyncdError(
                f"[http] {certificate}, {key or 'key in it'}: {reason}; see tls_cert and tls_key"
            ) from error

    def _stamps(self) -> tuple[object, ...]:
        return tuple(_times(file) for file in self._files if file)


def _times(file: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = file.stat()  # of what a symlink points to
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None
