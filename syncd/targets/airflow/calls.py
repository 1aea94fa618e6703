"""Writing calls: each is announced before it is sent and its answer recorded after; bodies and secrets are not."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.errors import TargetUnavailable
from syncd.http import Answer, NoAnswer
from syncd.model import Status
from syncd.ports import Recorder
from syncd.targets.airflow.wire import Area, Wire


class Stopped(Exception):
    """A change goes no further; how it ended, and a sentence."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class Calls:
    """The writing calls of one change.

    `silent` says that the last one got no answer and nobody has looked since; `made` that at least one was carried out.
    """

    wire: Wire
    record: Recorder
    silent: bool = False
    made: bool = False

    def send(
        self,
        area: Area,
        method: str,
        name: str | None,
        *,
        what: str,
        mask: str = "",
        body: object = None,
        timeout_s: float | None = None,
    ) -> Answer | None:
        """Announce a call, send it, record its answer; None where none came."""
        place = f"/{area}" if name is None else f"/{area}/{name}"
        step = self.record.before(f"{method} {place} {what}".rstrip())
        try:
            answer = self.wire.write(area, method, name, mask=mask, body=body, timeout_s=timeout_s)
        except NoAnswer as e:
            self.silent = True
            self.record.after(step, f"no answer: {e}")
            return None
        except TargetUnavailable as e:
            self.record.after(step, f"not sent: {e}", refused=True)
            raise
        self.record.after(step, str(answer), refused=400 <= answer.status < 500)
        # A proxy says these where it lost patience; the server behind it may well go on.
        self.silent = answer.status in {502, 503, 504}
        self.made |= answer.status < 300
        return None if self.silent else answer


def refused(answer: Answer, right: str) -> Stopped:
    """Say that an answer is a refusal, and which right is missing where it means that."""
    if answer.status in {401, 403}:
        return Stopped(Status.FAILED, f"{answer.asked} gave {answer}: the account that syncd runs as lacks {right}")
    return Stopped(Status.FAILED, f"{answer.asked} gave {answer}")
