"""How a source signs in to Okta: API token, key, proof of possession, TLS; and that no secret is shown on the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm
from okta_world import TOKEN, members, secret, silent, source, stand_in, truth, whys

from syncd.errors import SourceUnavailable
from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.secrets import blotted
from syncd.sandbox.okta import Application, OktaStandIn
from syncd.sources.okta import GroupFilter, PrivateKey

CLIENT = "0oa-planted-client"
ONE = GroupFilter(names=("airflow-one",))
"""Each proof of possession costs 0.2 s, so few are asked for."""


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def okta(key: rsa.RSAPrivateKey) -> Iterator[OktaStandIn]:
    """An org with one service application, and no API token."""
    found = stand_in()
    found.ssws.clear()
    found.register(Application(CLIENT, public(key), kid="kid1"))
    with found.serve():
        yield found


def credential(folder: Path, key: rsa.RSAPrivateKey, **changes: Any) -> PrivateKey:
    wanted: dict[str, Any] = {"kid": "kid1", **changes}
    return PrivateKey(CLIENT, secret(folder, pem(key), "key.pem"), **wanted)


def test_a_key_signs_for_a_token_which_serves_every_read(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    reader = source(okta.url, tmp_path, credential=credential(tmp_path, key))
    snapshot, cursor = reader.read_from_here()
    reader.refresh(snapshot, cursor)
    assert truth(okta.org) == members(snapshot)
    assert 1 == okta.calls("token")
    assert all(seen.authorization.startswith("Bearer ") for seen in okta.seen if seen.area != "token")


@pytest.mark.finding("N-106")
def test_the_token_that_okta_gave_is_known_as_a_secret(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    source(okta.url, tmp_path, credential=credential(tmp_path, key)).read()
    tokens = {seen.authorization.partition(" ")[2] for seen in okta.seen if seen.area != "token"}
    assert tokens
    assert [] == [token for token in tokens if token in blotted(f"Okta said {token}")]


def test_a_key_may_be_a_jwk_that_names_its_id(okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    jwk = json.dumps({**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": "kid1", "key_ops": ["sign"]})
    found = PrivateKey(CLIENT, secret(tmp_path, jwk, "key.jwk"))
    assert truth(okta.org) == members(source(okta.url, tmp_path, credential=found).read())


def test_possession_is_proven_with_the_nonce_the_server_wants(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    okta.register(Application(CLIENT, public(key), kid="kid1", dpop=True))
    reader = source(okta.url, tmp_path, credential=credential(tmp_path, key, dpop=True), groups=ONE)
    assert ["airflow-one"] == [g.name for g in reader.read().groups if g.certificate.complete]
    assert [400, 200] == [seen.status for seen in okta.seen if seen.area == "token"]
    assert all(seen.authorization.startswith("DPoP ") for seen in okta.seen if seen.area != "token")


def test_a_token_that_is_revoked_is_replaced_in_the_middle(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    reader = source(okta.url, tmp_path, credential=credential(tmp_path, key))
    reader.read()
    okta.office.revoke_all()
    snapshot = reader.read()
    assert truth(okta.org) == members(snapshot)
    assert {} == whys(snapshot)
    assert 2 == okta.calls("token")


def test_a_token_that_is_always_refused_ends_the_read(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    okta.lie("revoked", "members", times=None)
    found = whys(source(okta.url, tmp_path, credential=credential(tmp_path, key)).read())
    assert 7 == len(found)
    assert "the access token was refused although it was just renewed" in found["airflow-many"]
    assert 12 > okta.calls("members")


@pytest.mark.parametrize(
    ("changes", "application", "expected"),
    [
        ({"kid": "other"}, {}, "401 invalid_client): is the client id right"),
        ({"scopes": ("okta.users.manage",)}, {}, "400 invalid_scope): grant the application the scopes"),
        ({}, {"dpop": True}, "400 invalid_dpop_proof): the application requires proof of possession: set dpop = true"),
        (
            {"scopes": ("okta.users.read",)},
            {},
            "403 (E0000006): the application needs the scopes okta.groups.read and okta.users.read and an administrator",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    okta: OktaStandIn,
    tmp_path: Path,
    key: rsa.RSAPrivateKey,
    changes: dict[str, Any],
    application: dict[str, Any],
    expected: str,
) -> None:
    okta.register(Application(CLIENT, public(key), kid="kid1", **application))
    with pytest.raises(SourceUnavailable) as caught:
        source(okta.url, tmp_path, credential=credential(tmp_path, key, **changes)).read()
    assert expected in str(caught.value)


@pytest.mark.parametrize("fault", ["html_502", "empty_502", "error_500", "truncated_json", "hang", "null_200"])
def test_a_token_endpoint_that_fails_is_asked_again(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey, fault: str
) -> None:
    okta.lie(fault, "token")
    reader = source(okta.url, tmp_path, credential=credential(tmp_path, key), timeout_s=0.5 if fault == "hang" else 10)
    assert truth(okta.org) == members(reader.read())


@pytest.mark.finding("C-50")
def test_a_token_endpoint_that_wants_rest_is_left_alone(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    okta.lie("told_to_wait", "token")
    reader = source(okta.url, tmp_path, credential=credential(tmp_path, key))
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="Okta asked to be left alone until"):
            reader.read()
    assert 1 == okta.calls()


def test_what_is_no_key_is_a_sentence_without_it(okta: OktaStandIn, tmp_path: Path) -> None:
    elliptic = pem(ec.generate_private_key(ec.SECP256R1()))
    for text in ("planted-nonsense", elliptic, '{"kty": "RSA"}', "{planted"):
        with pytest.raises(SourceUnavailable, match="is no private RSA key") as caught:
            source(okta.url, tmp_path, credential=PrivateKey(CLIENT, secret(tmp_path, text))).read()
        assert "planted" not in str(caught.value)
        assert caught.value.__cause__ is None


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    """A certificate for this machine that nobody trusts yet, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    start = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_text(pem(key))
    return folder / "ca.pem", folder / "key.pem"


def test_tls_with_a_certificate_of_ones_own(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    okta = stand_in()
    with okta.serve(certificate=certificate[0], key=certificate[1]) as url:
        reader = source(url, tmp_path, connection=Connection(url, ca=certificate[0]))
        assert truth(okta.org) == members(reader.read())
        with pytest.raises(
            SourceUnavailable, match=r"its certificate is not trusted \(self-signed certificate\); set `ca`"
        ):
            source(url, tmp_path).read()
        with pytest.raises(SourceUnavailable, match=r"certificates of .* cannot be used"):
            source(url, tmp_path, connection=Connection(url, ca=tmp_path / "missing.pem")).read()


def test_the_environments_proxy_is_not_used(tmp_path: Path, okta: OktaStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    okta.ssws.add(TOKEN)
    assert truth(okta.org) == members(source(okta.url, tmp_path).read())
    with pytest.raises(SourceUnavailable, match="the proxy did not let it through; look at `proxy`"):
        source(okta.url, tmp_path, connection=Connection(okta.url, proxy="http://user:planted@127.0.0.1:9")).read()


# --- secrets ----------------------------------------------------------------------------------------------------------


class _Everything(logging.Handler):
    """Keeps every record as text, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def everything() -> Iterator[_Everything]:
    """Everything that any logger says at any level, the okta package's own debug logging switched on."""
    kept = _Everything()
    own = logging.getLogger("okta-sdk-python")
    before = (logging.root.level, own.level, own.disabled)
    logging.root.addHandler(kept)
    own.addHandler(kept)
    logging.root.setLevel(logging.DEBUG)
    own.setLevel(logging.DEBUG)
    own.disabled = False
    yield kept
    logging.root.removeHandler(kept)
    own.removeHandler(kept)
    logging.root.setLevel(before[0])
    own.setLevel(before[1])
    own.disabled = before[2]


def test_no_secret_is_shown_with_all_logging_on(
    okta: OktaStandIn, tmp_path: Path, key: rsa.RSAPrivateKey, everything: _Everything
) -> None:
    okta.register(Application(CLIENT, public(key), kid="kid1", dpop=True))
    okta.ssws.add(TOKEN)
    told: list[str] = []
    readers = [
        source(okta.url, tmp_path, emit=lambda *e, **f: told.append(f"{e}{f}")),
        source(
            okta.url,
            tmp_path,
            credential=credential(tmp_path, key, dpop=True),
            groups=ONE,
            retries=Retries(attempts=2, first_s=0.001),
        ),
    ]
    for reader in readers:
        snapshot, cursor = reader.read_from_here()
        told += [repr(reader.settings), repr(reader), repr(snapshot), cursor]
    planted = {TOKEN, *pem(key).splitlines()[1:-1], *okta.office.tokens}
    for kind in ("error_500", "revoked", "cut_body"):
        okta.faults.clear()
        okta.lie(kind, times=None)
        for reader in readers:
            with pytest.raises(SourceUnavailable) as caught:
                reader.read()
            told += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    planted |= set(okta.office.tokens)
    assert len(planted) > 20
    said = "\n".join([*everything.lines, *told])
    assert "planted" not in said.replace("planted-client", "")
    assert [] == sorted(word for word in planted if word in said)
    assert "client_assertion" not in said


def test_the_packages_logging_would_show_the_token(okta: OktaStandIn, everything: _Everything, tmp_path: Path) -> None:
    """The reason for the filter: without it, what the test above looks for is there."""
    own = logging.getLogger("okta-sdk-python")
    okta.ssws.add(TOKEN)
    source(okta.url, tmp_path, emit=silent).read()
    filters, own.filters = own.filters, []
    try:
        source(okta.url, tmp_path, emit=silent).read()
    finally:
        own.filters = filters
    assert any(TOKEN in line for line in everything.lines)
