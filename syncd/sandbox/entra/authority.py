"""The authority of a tenant: discovery, the token endpoint, and the managed identity endpoint of a machine.

A client proves itself by a secret, by an assertion signed with a certificate (PS256 or RS256, the certificate named by
`x5t#S256`), or by a token of an issuer that the application trusts. Signatures are checked.
"""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from syncd.sandbox.entra.answers import GraphAnswer

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class Client:
    """The application registration: everything with which it may prove itself."""

    id: str = "11111111-2222-4333-8444-555555555555"
    secret: str = "planted-client-secret"  # noqa: S105 - invented
    certificate: x509.Certificate | None = None
    federated: str = "planted-federated-token"
    """The token that the trusted issuer gave; a stand-in for a signed one."""


@dataclass(slots=True)
class Authority:
    """Gives tokens and knows those it gave. `base` is the URL of the tenant."""

    tenant: str = "contoso.example"
    base: str = ""
    client: Client = field(default_factory=Client)
    lifetime_s: int = 3599
    refresh_in_s: int | None = None
    failures: list[tuple[int, str]] = field(default_factory=list)
    """Answers to give to the next token requests: status, and error code (`AADSTS7000215`)."""
    identity_header: str = "planted-identity-header"
    proofs: list[str] = field(default_factory=list)
    """How each token was asked for: secret, PS256, RS256, federated, managed identity."""
    tokens: dict[str, float] = field(default_factory=dict)

    def discovery(self) -> GraphAnswer:
        found: dict[str, object] = {
            "issuer": f"{self.base}/v2.0",
            "authorization_endpoint": f"{self.base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.base}/oauth2/v2.0/token",
        }
        return GraphAnswer(200, found)

    def token(self, form: dict[str, str], *, scope: str) -> GraphAnswer:
        """Answer a token request; `scope` is the one scope that there is."""
        if self.failures:
            return _failed(*self.failures.pop(0))
        proof = self._proof(form)
        if not proof:
            return _failed(401, "AADSTS7000215")
        if form.get("scope") != scope or form.get("grant_type") != "client_credentials":
            return _failed(400, "AADSTS70011")
        refresh = {"refresh_in": self.refresh_in_s} if self.refresh_in_s is not None else {}
        return GraphAnswer(200, {"token_type": "Bearer", "expires_in": self.lifetime_s, **refresh} | self._new(proof))

    def managed(self, query: dict[str, str], header: str, *, resource: str) -> GraphAnswer:
        """Answer as the identity endpoint of an App Service does."""
        if header != self.identity_header or query.get("resource") != resource:
            return GraphAnswer(400, {"statusCode": 400, "message": "unknown header or resource"})
        who = query.get("client_id", "")
        expires_on = {"expires_on": str(int(time.time()) + self.lifetime_s), "token_type": "Bearer"}
        return GraphAnswer(200, expires_on | {"resource": resource} | self._new(f"managed identity {who}".strip()))

    def accepts(self, authorization: str) -> bool:
        """Say whether a bearer header holds a token that was given and has not expired."""
        kind, _, token = authorization.partition(" ")
        return kind == "Bearer" and self.tokens.get(token, 0.0) > time.time()

    def revoke_all(self) -> None:
        """Let no token be good any more."""
        self.tokens.clear()

    def _new(self, proof: str) -> dict[str, object]:
        token = f"planted-access-token-{secrets.token_hex(8)}"
        self.tokens[token] = time.time() + self.lifetime_s
        self.proofs.append(proof)
        return {"access_token": token}

    def _proof(self, form: dict[str, str]) -> str:
        if form.get("client_id") != self.client.id:
            return ""
        if "client_secret" in form:
            return "secret" if form["client_secret"] == self.client.secret else ""
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION or not assertion:
            return ""
        return "federated" if assertion == self.client.federated else self._signed(assertion)

    def _signed(self, assertion: str) -> str:
        """Give the algorithm of an assertion that our client signed just now for this token endpoint."""
        certificate = self.client.certificate
        if certificate is None:
            return ""
        try:
            header: dict[str, Any] = jwt.get_unverified_header(assertion)
            claims = jwt.decode(
                assertion,
                certificate.public_key(),  # type: ignore[arg-type]  # an RSA key, as Entra asks for
                algorithms=["PS256", "RS256"],
                audience=f"{self.base}/oauth2/v2.0/token",
                options={"require": ["exp", "iss", "sub", "aud", "jti"]},
            )
        except jwt.InvalidTokenError:
            return ""
        thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
        # msal leaves the padding on, against RFC 7515, and Entra takes it
        named = str(header.get("x5t#S256", "")).rstrip("=")
        right = named == thumbprint and claims["iss"] == claims["sub"] == self.client.id
        return str(header["alg"]) if right else ""


def _failed(status: int, code: str) -> GraphAnswer:
    number = int("".join(c for c in code if c.isdigit()) or 0)
    name = "temporarily_unavailable" if status == 429 or status >= 500 else "invalid_client"
    fields: dict[str, object] = {
        "error": name,
        "error_description": f"{code}: it is refused. Trace ID: 0",
        "error_codes": [number],
    }
    return GraphAnswer(status, fields, content_type="application/json; charset=utf-8")
