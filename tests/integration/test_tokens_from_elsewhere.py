"""What docs/signing-in.md says is so on a real Airflow that gives no token for a password: its own code is put there and used."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from airflow_world import Steps, person
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from syncd.errors import TargetUnauthorized
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import Change, Permission, Role, Status
from syncd.sandbox.servers import RealAirflow
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential

pytestmark = [pytest.mark.servers, pytest.mark.finding("R-signing-in")]

ROOT = Path(__file__).parents[2]
SIGN_IN = ROOT / "deploy" / "sign-in"
CLIENT = "client-of-syncd"
SECRET = "a secret that only this test and its server know, of 64 bytes...."
NO_PASSWORDS = """

class NoPasswords(ProviderTokens):
    def create_token(self, headers, body):
        return super().create_token(headers, body) if "provider_token" in body else None
"""
"""As FAB provider 3.11 by its changelog, where people log in with OAuth."""


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Provider:
    """An identity provider as far as it is needed: its keys, and a token for whoever asks."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = ""
        self.client = CLIENT

    def keys(self) -> dict[str, object]:
        found = self.key.public_key().public_numbers()
        numbers = {name: packed(n.to_bytes((n.bit_length() + 7) // 8)) for name, n in (("n", found.n), ("e", found.e))}
        return {"keys": [{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", **numbers}]}

    def token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "airflow", "cid": self.client, "iat": now, "exp": now + 300}
        signed = ".".join(packed(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims))
        return f"{signed}.{packed(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@contextmanager
def served(provider: Provider) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.give(provider.keys())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.give({"access_token": provider.token()})

        def give(self, what: object) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def documented(provider: Provider) -> str:
    """Give the class of the page, for this provider, client and account."""
    found = re.search(r"```python\n(.+?)```", (ROOT / "docs" / "signing-in.md").read_text(), re.DOTALL)
    assert found
    text = re.sub(r'ISSUER = ".+"', f'ISSUER = "{provider.issuer}"', found[1])
    return re.sub(r"CLIENT, ACCOUNT = .+", f'CLIENT, ACCOUNT = "{CLIENT}", "admin"', text)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with served(made):
        yield made


@pytest.fixture
def airflow(provider: Provider, tmp_path: Path) -> Iterator[RealAirflow]:
    (tmp_path / "provider_tokens.py").write_text(documented(provider) + NO_PASSWORDS)
    settings = {
        "PYTHONPATH": str(tmp_path),
        "AIRFLOW__CORE__AUTH_MANAGER": "provider_tokens.NoPasswords",
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
    }
    with RealAirflow("3.3.2", settings=settings) as server:
        yield server


def target(airflow: RealAirflow, kind: str, secret: Secret) -> AirflowTarget:
    return AirflowTarget("prod", AirflowSettings(Connection(airflow.url), (Credential(kind, "admin", secret),)))


def test_the_ways_to_sign_in_without_a_token_for_a_password(
    airflow: RealAirflow, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_ID", CLIENT)
    monkeypatch.setenv("CLIENT_SECRET", "any")
    password, secret = tmp_path / "password", tmp_path / "secret"
    password.write_text("admin")
    secret.write_text(SECRET + "\n")
    with pytest.raises(TargetUnauthorized, match=r"FAB provider 3\.11 and later give no token for a password"):
        target(airflow, "token", Secret("file", (str(password),))).look()

    exchange = (str(SIGN_IN / "provider_token.py"), airflow.url, f"{provider.issuer}/v1/token")
    for name, command in (("exchanged", exchange), ("minted", (str(SIGN_IN / "minted_token.py"), str(secret), "1"))):
        opened = target(airflow, "bearer", Secret("command", (sys.executable, *command)))
        role = Role(name, frozenset({Permission("can_read", "Website")}))
        made = [opened.apply(Change(None, thing), Steps()) for thing in (role, person(f"anna-{name}", name))]
        assert [Status.APPLIED] * 2 == [outcome.status for outcome in made]
        assert "fin_daily" in {dag.id for dag in opened.inventory()}, "DAGs are listed with the same token"
        assert (
            "admin is the account that syncd runs as"
            in opened.apply(Change(person("admin", "Admin"), None), Steps()).detail
        )

    def asked(token: str) -> tuple[int, str]:
        answer = requests.post(f"{airflow.url}/auth/token", json={"provider_token": token}, timeout=30)
        return answer.status_code, answer.text

    right = provider.token()
    headers = {"Authorization": f"Bearer {right}"}
    as_it_is = requests.get(f"{airflow.url}/auth/fab/v1/roles", headers=headers, timeout=30)
    assert (403, "Invalid JWT token") == (as_it_is.status_code, as_it_is.json()["detail"])
    assert 400 == asked(f"{right.rpartition('.')[0]}.{packed(bytes(256))}")[0]
    provider.client = "another client"
    assert 401 == asked(provider.token())[0], "one client becomes one account, and nobody else anything"
