"""The token endpoint of a stand-in Okta: service applications with a registered key, and DPoP (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from syncd.sandbox.okta.answers import OktaAnswer, answer, oauth_error

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
READ_SCOPES: Final = frozenset({"okta.groups.read", "okta.users.read"})


@dataclass(frozen=True, slots=True)
class Application:
    """A service application: its key (PEM, public), the scopes it was granted, whether it must prove possession."""

    client_id: str
    public_key: str
    kid: str | None = None
    scopes: frozenset[str] = READ_SCOPES
    dpop: bool = False


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token that was given out. `thumbprint` names the key that must sign each request, if any."""

    scopes: frozenset[str]
    expires: float
    thumbprint: str | None


class TokenDenied(Exception):
    """Ends a token request or an authorization with an answer."""

    def __init__(self, found: OktaAnswer) -> None:
        self.answer = found
        super().__init__(found.status)


@dataclass(slots=True)
class TokenOffice:
    """Gives out access tokens and knows which are good."""

    applications: dict[str, Application] = field(default_factory=dict)
    tokens: dict[str, IssuedToken] = field(default_factory=dict)
    ttl_s: int = 3600
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    used: set[str] = field(default_factory=set)

    def give(self, form: Mapping[str, str], proof: str | None, *, url: str, now: float) -> OktaAnswer:
        """Answer a token request made at `url`."""
        try:
            application = self._client(form, url=url)
            thumbprint = self._possession(application, proof, url=url)
            scopes = frozenset(form.get("scope", "").split())
            if not scopes or not scopes <= application.scopes:
                raise TokenDenied(
                    oauth_error(400, "invalid_scope", "One or more scopes are not allowed for the client.")
                )
        except TokenDenied as refused:
            return refused.answer
        value = secrets.token_urlsafe(24)
        self.tokens[value] = IssuedToken(scopes, now + self.ttl_s, thumbprint)
        kind = "DPoP" if thumbprint else "Bearer"
        return answer(
            {"token_type": kind, "expires_in": self.ttl_s, "access_token": value, "scope": " ".join(sorted(scopes))}
        )

    def revoke_all(self) -> None:
        self.tokens.clear()

    def _client(self, form: Mapping[str, str], *, url: str) -> Application:
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != ASSERTION:
            raise TokenDenied(oauth_error(400, "unsupported_grant_type", "The grant type is not supported."))
        assertion = form.get("client_assertion", "")
        try:
            claimed = jwt.decode(assertion, options={"verify_signature": False}).get("sub")
            application = self.applications[str(claimed)]
            if application.kid is not None and jwt.get_unverified_header(assertion).get("kid") != application.kid:
                raise jwt.InvalidKeyError
            claims = jwt.decode(
                assertion, application.public_key, algorithms=["RS256"], audience=url, issuer=application.client_id
            )
        except (jwt.PyJWTError, KeyError):
            raise TokenDenied(
                oauth_error(401, "invalid_client", "The client_assertion token is not valid for this client.")
            ) from None
        self._once(claims)
        return application

    def _once(self, claims: Mapping[str, Any]) -> None:
        """Take each assertion once, as Okta does, even where the request then fails for another reason."""
        if claims["jti"] in self.used:
            raise TokenDenied(oauth_error(401, "invalid_client", "The client_assertion token has already been used."))
        self.used.add(claims["jti"])

    def _possession(self, application: Application, proof: str | None, *, url: str) -> str | None:
        if not application.dpop:
            return None
        if proof is None:
            raise TokenDenied(oauth_error(400, "invalid_dpop_proof", "The DPoP proof JWT header is missing."))
        claims, thumbprint = _proven(proof, method="POST", url=url)
        if claims.get("nonce") != self.nonce:
            refusal = oauth_error(400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
            refusal.headers.append(("dpop-nonce", self.nonce))
            raise TokenDenied(refusal)
        return thumbprint

    def scopes(self, kind: str, value: str, proof: str | None, *, method: str, url: str, now: float) -> frozenset[str]:
        """Give the scopes of the token that a request came with; none where it is not good for this request."""
        token = self.tokens.get(value)
        if token is None or token.expires <= now or (kind == "DPoP") != (token.thumbprint is not None):
            return frozenset()
        if token.thumbprint is None:
            return token.scopes
        try:
            claims, thumbprint = _proven(proof or "", method=method, url=url)
        except TokenDenied:
            return frozenset()
        bound = base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()).rstrip(b"=").decode()
        good = thumbprint == token.thumbprint and claims.get("ath") == bound
        return token.scopes if good else frozenset()


def _proven(proof: str, *, method: str, url: str) -> tuple[dict[str, Any], str]:
    """Check a proof of possession; gives its claims and the thumbprint of its key."""
    try:
        key = jwt.get_unverified_header(proof)["jwk"]
        claims: dict[str, Any] = jwt.decode(proof, jwt.PyJWK(key, "RS256"), algorithms=["RS256"])
    except (jwt.PyJWTError, KeyError):
        raise TokenDenied(oauth_error(400, "invalid_dpop_proof", "The DPoP proof JWT cannot be verified.")) from None
    if claims.get("htm") != method or claims.get("htu") != url:
        raise TokenDenied(oauth_error(400, "invalid_dpop_proof", "The DPoP proof is for another request."))
    canonical = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return claims, hashlib.sha256(canonical.encode()).hexdigest()
