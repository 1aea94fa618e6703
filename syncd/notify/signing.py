"""Ed25519 keys, and checkpoints signed with them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from syncd.errors import SyncdError
from syncd.model.checkpoints import Checkpoint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnusable(SyncdError):
    """A key is none of Ed25519, or has a password."""


def new_keys() -> tuple[str, str]:
    """Make a private key and its public one, as PEM."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return secret.decode("ascii"), public.decode("ascii")


def signed(secret: str, *, seq: int, hash_: str, at: str) -> Checkpoint:
    """Make a checkpoint; `secret` is a private key as PEM.

    Raises:
        KeyUnusable: it is none.
    """
    private = _private(secret)
    checkpoint = Checkpoint(seq, hash_, at, _key_id(private.public_key()))
    return replace(checkpoint, signature=base64.b64encode(private.sign(checkpoint.signed)).decode("ascii"))


class PublicKey:
    """Tells checkpoints that its private key signed from others.

    Raises:
        KeyUnusable: the text is no public key of Ed25519 as PEM.
    """

    def __init__(self, pem: str) -> None:
        self._key = _public(pem)
        self.id = _key_id(self._key)

    def has_signed(self, checkpoint: Checkpoint) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(base64.b64decode(checkpoint.signature, validate=True), checkpoint.signed)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _key_id(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


_HOW = "syncd audit keygen makes a pair, and so does: openssl genpkey -algorithm ed25519"


def _private(pem: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(f"checkpoints.key is no private key as PEM without a password; {_HOW}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"checkpoints.key is no key of Ed25519; {_HOW}")
    return key


def _public(pem: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise KeyUnusable(
            "it is no public key as PEM; openssl pkey -in KEY -pubout makes it of a private one"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("it is no key of Ed25519")
    return key
