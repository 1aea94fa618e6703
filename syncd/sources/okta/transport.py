"""The okta package as a transport: it signs in and sends; nothing else of it is used. Importing this takes a second.

Its list methods lose pages, swallow errors and refuse whole pages for one odd record (measured with 3.4.6), so only
`RequestExecutor` is used, with retries off. Three of its habits are undone here: it logs tokens, takes proxies from the
environment, and waits for ever for an answer.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, cast

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm
from okta.cache.no_op_cache import NoOpCache
from okta.constants import LOGGER_NAME
from okta.http_client import HTTPClient
from okta.request_executor import RequestExecutor
from yarl import URL

from syncd.answers import MOST_VALUES, http_date, values_in, whole
from syncd.errors import SourceUnavailable
from syncd.http.answer import shown
from syncd.http.backoff import wanted_s
from syncd.http.connection import Connection
from syncd.http.metered import TooLarge
from syncd.http.reasons import LATE, Bounds, Failure, failure_of, sentence
from syncd.http.secrets import Secret, SecretUnreadable, beginning, remember
from syncd.sources.okta.answers import TOKEN_ADVICE, OktaReply, TokenRefused, Unanswered
from syncd.sources.okta.budget import Rate
from syncd.sources.okta.settings import OktaApiToken, OktaSettings, PrivateKey
from syncd.throttle import WANTS_REST

_RENEW_MINUTES: Final = 5
SIZE_CAP: Final = 64 * 1024 * 1024
"""The most that is read of one answer."""
_ODD: Final = (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError, PyJWTError)
"""What the package raises where an answer is not as it expects: a text that is no JSON, an object that is a list."""


def _nothing(record: logging.LogRecord) -> bool:  # noqa: ARG001
    """Let no record pass. At DEBUG the package logs whole requests, tokens included; what went wrong we say ourselves."""
    return False


logging.getLogger(LOGGER_NAME).addFilter(_nothing)


class _Client(HTTPClient):
    """The package's client with our time-outs and our proxy, and neither from the environment."""

    def __init__(self, http_config: dict[str, Any], *, connection: Connection) -> None:
        super().__init__(http_config)  # type: ignore[no-untyped-call]  # the package is not typed
        self._timeout = aiohttp.ClientTimeout(
            total=3 * connection.timeout_s + connection.connect_timeout_s,
            sock_connect=connection.connect_timeout_s,
            sock_read=connection.timeout_s,
        )
        self._proxy = connection.proxy

    def _setup_proxy(self, proxy: object) -> None:  # noqa: ARG002
        return None


class OktaTransport:
    """One org, signed in to. Belongs to one event loop; the access token outlives its sessions."""

    def __init__(self, settings: OktaSettings, *, heard: Callable[[float], None] = lambda _: None) -> None:
        """Read the secrets. `heard` is told how long Okta wants to be left alone, where an answer says so.

        Raises:
            SourceUnavailable: a secret cannot be read, or is no key.
        """
        self._settings = settings
        self._heard = heard
        self._connection = settings.connection
        self._origin = URL(self._connection.root).origin()
        self._executor: Any = cast("Any", RequestExecutor)(  # the package is not typed
            {"client": _config(settings)},
            cast("Any", NoOpCache)(),
            partial(_Client, connection=self._connection),
        )
        self._executor.set_custom_headers(_headers(self._connection))

    @property
    def renews(self) -> bool:
        """Whether a refused token can be replaced by a new one."""
        return isinstance(self._settings.credential, PrivateKey)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep connections for as long as the context lasts.

        Raises:
            SourceUnavailable: a certificate file cannot be used.
        """
        connector = aiohttp.TCPConnector(ssl=_trust(self._connection), limit=self._settings.concurrency + 2)
        watch = aiohttp.TraceConfig()
        watch.on_request_redirect.append(_not_followed)
        watch.on_request_end.append(
            self._listen
        )  # for the token endpoint's answers too, of which the package keeps less
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, trace_configs=[watch], response_class=_Capped
        ) as session:
            self._executor.set_session(session)
            yield

    async def get(self, path: str) -> OktaReply:
        """Ask for a path of the org, with its query.

        Raises:
            Unanswered: no answer came that can be judged.
            Refused: no token was given to us.
        """
        request = await self._request(path)
        try:
            _, response, body, error = await self._executor.fire_request(request)
        except _ODD as e:
            raise Unanswered(f"the answer cannot be read as text ({type(e).__name__})") from None
        if response is None:
            raise Unanswered(_reason(error, self._connection), late=_failure(error) in LATE)
        return self._reply(response, body, request["headers"].get("Authorization", ""))

    async def _listen(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002
        context: SimpleNamespace,  # noqa: ARG002
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        if params.response.status in WANTS_REST:
            self._heard(wanted_s(params.response.headers) or 0.0)

    def forget_token(self, authorization: str) -> None:
        """Have a new access token made, unless that was done since this one was used: the package never does."""
        token, kind = self._executor._oauth.get_current_token()
        if f"{kind} {token}" == authorization:
            self._executor._oauth.clear_access_token()

    async def _request(self, path: str) -> dict[str, Any]:
        try:
            request, error = await self._executor.create_request("GET", path)
        except _ODD as e:
            raise Unanswered(f"the token endpoint's answer cannot be understood ({type(e).__name__})") from None
        if error is not None:
            raise _token_error(error, self._connection)
        found: dict[str, Any] = request
        remember(
            found["headers"].get("Authorization", "").rpartition(" ")[2]
        )  # of a service application it is Okta's token
        return found

    def _reply(self, response: aiohttp.ClientResponse, body: str, authorization: str) -> OktaReply:
        date = http_date(response.headers.get("Date"))
        next_url = _next(response)
        foreign = next_url is not None and _origin(next_url) != self._origin
        return OktaReply(
            status=response.status,
            body=body,
            next_path=next_url.raw_path_qs if next_url is not None and not foreign else None,
            foreign=next_url.host or "?" if next_url is not None and foreign else None,
            rate=_rate(response.headers, date),
            server_time=date,
            authorization=authorization,
        )


# --- what the package is given ----------------------------------------------------------------------------------------


def _config(settings: OktaSettings) -> dict[str, Any]:
    common: dict[str, Any] = {"orgUrl": settings.connection.root, "rateLimit": {"maxRetries": 0}, "requestTimeout": 0}
    match settings.credential:
        case OktaApiToken(token):
            return {**common, "authorizationMode": "SSWS", "token": _header(token)}
        case PrivateKey() as credential:
            pem, kid = _pem(credential.key)
            return {
                **common,
                "authorizationMode": "PrivateKey",
                "clientId": credential.client_id,
                "scopes": list(credential.scopes),
                "privateKey": pem,
                "kid": credential.kid or kid,
                "dpopEnabled": credential.dpop,
                "oauthTokenRenewalOffset": _RENEW_MINUTES,
            }


def _header(secret: Secret) -> str:
    try:
        return secret.header()
    except SecretUnreadable as e:
        raise SourceUnavailable(str(e)) from None


def _read(secret: Secret) -> str:
    try:
        return secret.read()
    except SecretUnreadable as e:
        raise SourceUnavailable(str(e)) from None


def _pem(secret: Secret) -> tuple[str, str | None]:
    """Give a key as PEM, which the package reads most reliably, and the id that a JWK names."""
    text = _read(secret)
    kid: str | None = None
    try:
        if text.lstrip().startswith("{"):
            key: object = RSAAlgorithm.from_jwk(text)
            kid = json.loads(text).get("kid")
        else:
            key = load_pem_private_key(text.encode(), password=None)
        if isinstance(key, RSAPrivateKey):
            return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), kid
    except (*_ODD, UnsupportedAlgorithm):
        pass  # the text of the error may hold a part of the key
    raise SourceUnavailable(f"{secret}: is no private RSA key in PEM or JWK form without a password")


def _headers(connection: Connection) -> dict[str, str]:
    return {name: _read(v) if isinstance(v, Secret) else v for name, v in connection.headers.items()}


def _trust(connection: Connection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=connection.ca)
        if connection.client_cert is not None:
            context.load_cert_chain(connection.client_cert, connection.client_key)
    except OSError as e:
        raise SourceUnavailable(f"the certificates of {connection.root} cannot be used: {e.strerror or e}") from None
    return context


# --- what comes -------------------------------------------------------------------------------------------------------


class _TooLarge(aiohttp.ClientError, TooLarge):
    """More came, or was unpacked, than is read."""


class _Capped(aiohttp.ClientResponse):
    """An answer of which no more than `SIZE_CAP` is read, as it is when unpacked; aiohttp itself would read all of it."""

    async def read(self) -> bytes:
        if self._body is None:
            content = bytearray()
            while piece := await self.content.readany():
                content += piece
                if len(content) > SIZE_CAP:
                    self.close()
                    raise _TooLarge
            if values_in(bytes(content)) > MOST_VALUES:  # the package reads it as JSON before we do
                raise _TooLarge
            self._body = bytes(content)
        return await super().read()


class _Redirected(aiohttp.ClientError):
    """The answer leads elsewhere; credentials are not sent there."""


async def _not_followed(
    session: aiohttp.ClientSession,  # noqa: ARG001
    context: SimpleNamespace,  # noqa: ARG001
    params: aiohttp.TraceRequestRedirectParams,
) -> None:
    raise _Redirected(shown(params.response.headers.get("Location", "")))


def _next(response: aiohttp.ClientResponse) -> URL | None:
    """Find the next page; both links may come in either order, in one header or two."""
    try:
        link = response.links.get("next")
    except ValueError:
        raise Unanswered("the next link is no address") from None
    found = link.get("url") if link is not None else None
    return found if isinstance(found, URL) else None


def _origin(url: URL) -> URL | None:
    return url.origin() if url.is_absolute() and url.scheme in {"http", "https"} else None


def _rate(headers: Mapping[str, str], date: datetime | None) -> Rate | None:
    """Read the bucket. Without a Date nothing can be said of the window's end: our own clock may be wrong."""
    limit, remaining, reset = (whole(headers.get(f"X-Rate-Limit-{n}")) for n in ("Limit", "Remaining", "Reset"))
    if limit is None or remaining is None:
        return None
    reset_s = reset - date.timestamp() if reset is not None and date is not None else 60.0
    return Rate(limit, remaining, max(reset_s, 0.0))


def _token_error(error: Exception, connection: Connection) -> Exception:
    """Tell a refusal of the token endpoint, which stays, from a failure, which may pass."""
    status = getattr(error, "status", None)
    if status is None:
        return Unanswered(f"the token endpoint: {_reason(error, connection)}")
    if status == 429 or status >= 500:
        return Unanswered(f"the token endpoint answered {status}")
    code = beginning(str(getattr(error, "error_code", "") or "no reason given"), 40)
    hint = TOKEN_ADVICE.get(code, "is the address right, and the application active?")
    return TokenRefused(f"Okta gave no access token ({status} {code}): {hint}")


_ERRORS: Final[tuple[tuple[type[BaseException], Failure], ...]] = (
    (aiohttp.ClientConnectorCertificateError, Failure.UNTRUSTED),
    (aiohttp.ClientConnectorSSLError, Failure.TLS),
    (aiohttp.ClientSSLError, Failure.TLS),
    (aiohttp.ClientProxyConnectionError, Failure.PROXY),
    (aiohttp.ClientHttpProxyError, Failure.PROXY),
    (aiohttp.ClientConnectorDNSError, Failure.UNKNOWN_HOST),
    (aiohttp.ConnectionTimeoutError, Failure.NO_CONNECTION),
    (aiohttp.ClientPayloadError, Failure.BROKE_OFF),
)
"""What the errors of aiohttp mean; the others say it by an error of Python that is in them."""


def _failure(error: BaseException) -> Failure:
    return next((failure for kind, failure in _ERRORS if isinstance(error, kind)), None) or failure_of(error)


def _reason(error: BaseException, connection: Connection) -> str:
    """Say why no answer came; no text of the error itself, which may name a proxy's password."""
    if isinstance(error, _Redirected):
        return f"it redirects to {error}; is the address right?"
    largest = f"{SIZE_CAP} bytes or {MOST_VALUES} values"
    return sentence(_failure(error), Bounds(connection.connect_timeout_s, connection.timeout_s, largest), error)
