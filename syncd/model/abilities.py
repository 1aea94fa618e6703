"""What was found out about a deployment."""

from __future__ import annotations

from typing import NewType

Learned = NewType("Learned", str)
"""What a target found out about its server, as it wrote it down: only the target reads it, everybody else hands it on."""
