"""How often something is tried again, and how long is waited in between."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a read is tried again. The wait is by chance between 0 and a bound that doubles ("full jitter")."""

    attempts: int = 4
    first_s: float = 0.5
    cap_s: float = 20.0
