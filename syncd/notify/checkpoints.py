"""Signs where the journal's chain stands, and puts that where the owner of the database cannot change it: a file, a webhook."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from syncd.errors import SyncdError
from syncd.model.checkpoints import Checkpoint
from syncd.notify.settings import CheckpointSettings
from syncd.notify.signing import signed
from syncd.notify.undelivered import Undelivered
from syncd.notify.webhook import deliver
from syncd.ports import ChainHead, Checkpointed

TIMEOUT_S: Final = 10.0


class CheckpointFailed(SyncdError):
    """A checkpoint did not get where it should; the text says where and why."""


def checkpoint(
    settings: CheckpointSettings, records: Checkpointed, *, now: datetime, anyway: bool = False
) -> Checkpoint | None:
    """Sign the last record and put that out, where enough is new, or with `anyway` anything; None: it is not.

    A checkpoint is of everything before it too, so one that reached a single place counts, and the next makes up for it.

    Raises:
        CheckpointFailed: it did not reach every place; StoreError, SecretUnreadable, KeyUnusable.
    """
    head = records.chain_head()
    if not head.new or not (anyway or _is_due(settings, head, now)):
        return None
    made = signed(settings.key.read(), seq=head.seq, hash_=head.hash, at=_text(now))
    failed = {name: why for name, put in _places(settings) if (why := _tried(put, made))}
    if len(failed) < sum(1 for _ in _places(settings)):
        records.record_checkpoint(made, now=now)
    if failed:
        raise CheckpointFailed("; ".join(f"checkpoints.{name}: {why}" for name, why in failed.items()))
    return made


def _is_due(settings: CheckpointSettings, head: ChainHead, now: datetime) -> bool:
    waited = timedelta.max if head.since is None else now - head.since
    return head.new >= settings.records or waited >= settings.every


def _text(now: datetime) -> str:
    return now.astimezone(UTC).isoformat()


_Put = Callable[[Checkpoint], None]


def _places(settings: CheckpointSettings) -> Iterator[tuple[str, _Put]]:
    file, webhook = settings.file, settings.webhook
    if file is not None:
        yield "file", lambda made: append_line(file, made.line)
    if webhook is not None:
        yield "url", lambda made: deliver(webhook, {"version": 1, **json.loads(made.line)}, timeout_s=TIMEOUT_S)


def _tried(put: _Put, made: Checkpoint) -> str:
    try:
        put(made)
    except (Undelivered, SyncdError) as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and wait until it is on the disk; a half line that a crash left stays a line of its own.

    The file is opened to append, so it may be one that can only be appended to (`chattr +a`).
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, f"{chr(10) if torn else ''}{line}\n".encode("ascii"))
        os.fsync(handle)
    finally:
        os.close(handle)
