"""Access tokens, by msal.

Three things about msal (1.39, measured) shape this module: making a client already asks the network; failure comes by
three ways (a dict without a token, MsalServiceError, an error of requests); and a failed renewal raises although the token
at hand is still good. So the client is made late, each way ends in one sentence, and the last good token is kept here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests

from syncd.answers import number, whole
from syncd.errors import SourceUnavailable
from syncd.http.backoff import Retries, Waiting, wanted_s
from syncd.http.metered import MeteredAdapter, ReadLimit
from syncd.http.reasons import Bounds, failure_of, sentence
from syncd.http.rests import Rest
from syncd.http.secrets import Secret, SecretUnreadable, beginning, remember
from syncd.sources.entra.settings import (
    CLOUDS,
    ClientSecret,
    EntraSettings,
    ManagedIdentity,
    PemCertificate,
    PfxCertificate,
    WorkloadIdentity,
)
from syncd.throttle import WANTS_REST

RENEW_BEFORE: Final = timedelta(minutes=5)
TRIES: Final = 3
SIZE_CAP: Final = 1024 * 1024
"""The most that is read of one answer of the authority."""
LONGEST_LIFE_S: Final = 86_400.0
"""A token that is said to live longer is renewed after so long; Entra's own live an hour, at most a day."""

SENTENCES: Final[Mapping[int, str]] = {
    7000215: "the client secret is wrong; is it the secret's value, not its id?",
    7000222: "the client secret has expired; make a new one",
    700016: "the application is not in this tenant; look at `client_id` and `tenant`",
    90002: "the tenant is unknown; look at `tenant` and `cloud`",
    900023: "the tenant is unknown; look at `tenant` and `cloud`",
    700027: "the certificate is not one of the application, or the key does not belong to it",
    70021: "no federated credential of the application matches the token",
    700213: "no federated credential of the application matches the token's subject",
    700211: "no federated credential of the application matches the token's issuer",
    53003: "a conditional access policy blocks the application",
}
"""What Entra's error numbers (AADSTS...) mean, and what to do. Its own texts are not repeated."""

BUSY: Final = frozenset({90033, 90055})
"""Numbers that pass by themselves."""

TokenAnswer = Mapping[str, Any]
AskForToken = Callable[[], TokenAnswer]


class _Passing(Exception):
    """No token this time, but asking again may help."""


class Tokens:
    """Gives the token of one application; for any number of threads."""

    def __init__(
        self,
        source: str,
        settings: EntraSettings,
        *,
        now: Callable[[], datetime],
        rest: Rest,
        waiting: Waiting = Waiting(),
    ) -> None:
        self._source = source
        self._settings = settings
        self._now = now
        self._rest = rest
        self._pause = waiting.pause
        self._chance = waiting.chance
        self._lock = threading.Lock()
        self._ask: AskForToken | None = None
        self._token = ""
        self._until: datetime | None = None

    def bearer(self) -> str:
        """Give a token that is good now.

        Raises:
            SourceUnavailable: none is to be had; the message says why and never what.
        """
        with self._lock:
            if not self._good_for(RENEW_BEFORE):
                self._renew()
            return self._token

    def reject(self, token: str) -> None:
        """Forget a token that was refused; the next one is new, and made with the credential as it is then."""
        with self._lock:
            if token == self._token:
                self._token, self._until, self._ask = "", None, None

    def _good_for(self, rest: timedelta) -> bool:
        return self._until is not None and self._now() + rest < self._until

    def _renew(self) -> None:
        try:
            answer = self._asked()
        except SourceUnavailable:
            if not self._good_for(timedelta(0)):
                raise
            return  # what we have is good for some minutes yet; the next request tries again
        self._token = str(answer["access_token"])
        remember(self._token)
        self._until = self._now() + timedelta(seconds=_lifetime_s(answer.get("expires_in")))

    def _asked(self) -> TokenAnswer:
        retries = Retries(TRIES, self._settings.first_wait_s, self._settings.longest_wait_s)
        for wait_s in retries.tries(self._chance):
            try:
                return self._once()
            except _Passing as e:
                # msal would repeat the failure it remembers; a new client has no memory
                self._ask = None
                if wait_s is None:
                    raise self._unavailable(str(e)) from None
                self._pause(wait_s)
        raise AssertionError("the last try returns or raises")

    def _once(self) -> TokenAnswer:
        from msal.exceptions import MsalServiceError  # type: ignore[import-untyped]

        if (rest_s := self._rest.left_s()) > self._settings.longest_wait_s:
            raise self._unavailable(self._rest.why("the authority"))
        if rest_s:
            self._pause(rest_s)
        try:
            if self._ask is None:
                self._ask = _ask(self._settings, self._rest)
            answer = self._ask()
        except SecretUnreadable as e:
            raise self._unavailable(str(e)) from None
        except MsalServiceError:
            raise _Passing("the authority answered with a server error") from None
        except requests.RequestException as e:
            bounds = Bounds(self._settings.connect_timeout_s, self._settings.timeout_s, f"{SIZE_CAP} bytes")
            raise _Passing(f"the authority: {sentence(failure_of(e), bounds, e)}") from None
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError, OSError) as e:
            # a key that cannot be read, or an authority that is none; the text may hold parts of the key
            self._ask = None
            raise self._unavailable(
                f"the credential or the tenant cannot be used ({type(e).__name__}); look at `tenant`, `cloud` and the key"
            ) from None
        if not answer.get("access_token"):
            raise self._refused(answer)
        return answer

    def _refused(self, answer: TokenAnswer) -> Exception:
        self._ask = None
        codes_given = answer.get("error_codes")
        numbers = [n for n in codes_given if isinstance(n, int)] if isinstance(codes_given, list) else []
        known = [SENTENCES[n] for n in numbers if n in SENTENCES]
        if BUSY & set(numbers) or (not known and answer.get("error") in ("temporarily_unavailable", "server_error")):
            return _Passing("the authority is busy")
        codes = " ".join(f"AADSTS{n}" for n in numbers) or beginning(str(answer.get("error", "no reason given")), 60)
        return self._unavailable(f"{known[0] if known else 'the credential was refused'} ({codes})")

    def _unavailable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(f"source {self._source}: no access token: {why}")


def _lifetime_s(value: object) -> float:
    """Say how long a token is good; what says nothing of it is good for one request."""
    seconds = whole(value) if isinstance(value, str) else number(value)
    return min(max(seconds or 0.0, 0.0), LONGEST_LIFE_S)


# --- msal's clients ---------------------------------------------------------------------------------------------------


class _Http:
    """What msal sends its requests with: nothing is taken from the environment, nothing is followed elsewhere, and what
    comes has a deadline and a bound, which msal and requests do not give it."""

    def __init__(self, settings: EntraSettings, *, proxy: str | None, rest: Rest) -> None:
        self._rest = rest
        self._session = requests.Session()
        self._session.trust_env = False  # else REQUESTS_CA_BUNDLE overrides `verify`
        self._session.headers["Connection"] = "close"  # the next request is an hour away
        self._session.headers["Accept-Encoding"] = "identity"  # so that what comes is as large as it is
        self._limit = ReadLimit()
        self._session.mount("https://", MeteredAdapter(self._limit))
        self._session.mount("http://", MeteredAdapter(self._limit))
        self._deadline_s = 3 * settings.timeout_s + settings.connect_timeout_s
        self._silence_s = settings.timeout_s
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._how: dict[str, Any] = {
            "verify": str(settings.ca) if settings.ca else True,
            "timeout": (settings.connect_timeout_s, settings.timeout_s),
            "allow_redirects": False,
        }

    def get(self, url: str, **asked: Any) -> requests.Response:
        return self._sent("GET", url, asked)

    def post(self, url: str, **asked: Any) -> requests.Response:
        return self._sent("POST", url, asked)

    def _sent(self, method: str, url: str, asked: Mapping[str, Any]) -> requests.Response:
        self._limit.begin(until=time.monotonic() + self._deadline_s, silence_s=self._silence_s, most=SIZE_CAP)
        response = self._session.request(method, url, **{**asked, **self._how, "stream": True})
        with response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise requests.exceptions.ContentDecodingError("packed although that was not asked for")
            assert response.content is not None  # read now, within the limit
        if response.status_code in WANTS_REST:
            self._rest.heard(wanted_s(response.headers) or 0.0)
        return response

    def close(self) -> None:
        self._session.close()


def _ask(settings: EntraSettings, rest: Rest) -> AskForToken:
    """Make the function that asks msal for a token. Asks the network: msal looks the authority up at once."""
    # takes a quarter of a second, and only this source needs it
    import msal  # type: ignore[import-untyped]

    if isinstance(settings.credential, ManagedIdentity):
        client_id = settings.credential.client_id
        identity = (
            msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
        )
        # the endpoint is on this machine: no proxy in between
        client = msal.ManagedIdentityClient(identity, http_client=_Http(settings, proxy=None, rest=rest))
        return lambda: _mapping(client.acquire_token_for_client(resource=settings.resource))
    app = msal.ConfidentialClientApplication(
        client_id_of(settings),
        client_credential=_proof(settings),
        authority=authority_of(settings),
        instance_discovery=False,  # our hosts are known; looking them up would ask the global cloud
        http_client=_Http(settings, proxy=settings.proxy, rest=rest),
    )
    return lambda: _mapping(app.acquire_token_for_client(scopes=[f"{settings.resource}/.default"]))


def _mapping(answer: object) -> TokenAnswer:
    return answer if isinstance(answer, dict) else {}


def authority_of(settings: EntraSettings) -> str:
    """Give the URL of the tenant's authority; see `WorkloadIdentity` for what the environment adds."""
    if settings.authority:
        return settings.authority
    login, tenant = CLOUDS[settings.cloud].login, settings.tenant
    if isinstance(settings.credential, WorkloadIdentity):
        login = os.environ.get("AZURE_AUTHORITY_HOST") or login
        tenant = tenant or _environment("AZURE_TENANT_ID")
    return f"{login.rstrip('/')}/{tenant}"


def client_id_of(settings: EntraSettings) -> str:
    """Give the client id; see `WorkloadIdentity` for what the environment adds."""
    if isinstance(settings.credential, WorkloadIdentity):
        return settings.client_id or _environment("AZURE_CLIENT_ID")
    return settings.client_id


def _environment(name: str) -> str:
    return Secret("env", (name,)).text()


def _proof(settings: EntraSettings) -> object:
    """Give the credential in msal's form. A certificate without a SHA-1 thumbprint is signed for with PS256."""
    match settings.credential:
        case ClientSecret(secret):
            return secret.read()
        case PemCertificate(key, certificate, passphrase):
            pem = {"private_key": key.read(), "public_certificate": Secret("file", (str(certificate),)).text()}
            return pem | ({"passphrase": passphrase.read()} if passphrase else {})
        case PfxCertificate(file, passphrase):
            pfx = {"private_key_pfx_path": str(file), "public_certificate": True}
            return pfx | ({"passphrase": passphrase.read()} if passphrase else {})
        case WorkloadIdentity(token_file):
            path = str(token_file) if token_file else _environment("AZURE_FEDERATED_TOKEN_FILE")
            # read for every request: Kubernetes writes a new one every hour
            return {"client_assertion": Secret("file", (str(Path(path)),)).read}
        case _:
            raise AssertionError("a managed identity has no credential")
