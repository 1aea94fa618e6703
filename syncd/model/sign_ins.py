"""How often accounts signed in, as a deployment counts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SignIns:
    """What a deployment says of one account: how often it signed in and, since then, failed to; and when it last did, in the
    deployment's own words. None, or "": it never did, or that is not told."""

    times: int | None = None
    failed: int | None = None
    last: str = ""


@dataclass(frozen=True, slots=True)
class KeptSignIns:
    """What was said of an account last, and since when; `noticed` is what was found when that changed last, at `noticed_at`."""

    said: SignIns
    since: datetime
    noticed: str = ""
    noticed_at: datetime | None = None
