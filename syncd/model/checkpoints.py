"""A checkpoint: number and hash of a record, signed, so that who holds one can tell that nothing up to there was rewritten."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Final

_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint. `at` is a time as text, `key` the first 16 hex digits of the SHA-256 of the public key's 32 bytes, and
    `signature` is that of `signed` by Ed25519, in base64; empty where it is not signed yet."""

    seq: int
    hash: str
    at: str
    key: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What is signed."""
        return f"syncd checkpoint 1\n{self.seq}\n{self.hash}\n{self.at}\n{self.key}\n".encode()

    @property
    def line(self) -> str:
        """A line of JSON, in ASCII."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def read_checkpoint(line: str) -> Checkpoint:
    """Read what `line` gives.

    Raises:
        ValueError: it is something else.
    """
    found = json.loads(line)
    if not isinstance(found, dict) or found.keys() != {"seq", "hash", "at", "key", "signature"}:
        raise ValueError("no checkpoint")
    checkpoint = Checkpoint(**found)
    texts = (checkpoint.at, checkpoint.key, checkpoint.signature)
    if type(checkpoint.seq) is not int or not all(isinstance(text, str) and text.isascii() for text in texts):
        raise ValueError("no checkpoint")
    if not isinstance(checkpoint.hash, str) or not _HASH.fullmatch(checkpoint.hash):
        raise ValueError("no hash")
    return checkpoint
