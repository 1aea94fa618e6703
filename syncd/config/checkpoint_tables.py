"""The table of signed checkpoints of the journal."""

from __future__ import annotations

from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from syncd.config.notify_tables import WebhookAddress, post_address
from syncd.fields import (
    HeaderName,
    HeaderValue,
    InFolder,
    PemFile,
    Proxy,
    Reference,
    SecretReference,
    SettingsTable,
    Span,
    span,
)


class CheckpointsTable(SettingsTable):
    """Signed checkpoints of the journal: number and hash of its last record, by the daemon when they are due, and at the end of
    each `apply`. Put them where who owns the database cannot change them; `syncd audit verify --checkpoints` holds the
    journal against them."""

    key: SecretReference
    """The private key, Ed25519 as PEM without a password, by reference. `syncd audit keygen` makes one."""
    file: InFolder | None = None
    """A file to which each checkpoint is added as a line; it may be one that can only be appended to (`chattr +a`)."""
    insecure_http: bool = False
    """Allow a `http://` address that is not this machine."""
    url: WebhookAddress | None = None
    """Where each checkpoint is posted, as JSON: `version` (1), `seq`, `hash`, `at`, `key`, `signature`. At least one of `file`
    and `url` is wanted."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Headers sent along; a value is text, or a secret by reference."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not know it."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy on the way."""
    every: Span = "1h"
    """How long new records wait for the next checkpoint at most; at least `1m`, which is how often is looked."""
    records: int = Field(default=1000, ge=1, le=1_000_000)
    """After so many new records it is not waited for."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | Reference | None, info: ValidationInfo) -> str | Reference | None:
        return None if url is None else post_address(url, info)

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, text: str) -> str:
        if span(text) < span("1m"):
            raise ValueError(f'at least "1m" is wanted here, not "{text}"')
        return text

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.file is None and self.url is None:
            raise ValueError("say where checkpoints go: set file, url or both")
        return self
