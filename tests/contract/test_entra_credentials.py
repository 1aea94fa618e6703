"""Every way of proving who we are, with real msal against the stand-in's authority; and that no secret ever shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from entra_world import SECRET_PLACE, World, members

from syncd.errors import SourceUnavailable
from syncd.http.secrets import Secret, blotted
from syncd.sandbox.entra import LieKind, Served
from syncd.sources.entra import (
    ClientSecret,
    EntraCredential,
    EntraSource,
    ManagedIdentity,
    PemCertificate,
    PfxCertificate,
    WorkloadIdentity,
)
from syncd.sources.kind import SourceSurroundings

PASSPHRASE = "planted-passphrase"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "syncd")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv(SECRET_PLACE, "")
    return World()


@pytest.fixture
def where(world: World) -> Iterator[Served]:
    with world.standin.serve() as served:
        yield served


def _read_with(world: World, where: Served, credential: EntraCredential, **changes: Any) -> list[str]:
    """Read everything; gives how the tokens were asked for."""
    source = world.source(where, credential=credential, **changes)
    assert world.truth() == members(source.read())
    source.close()
    return world.standin.authority.proofs


def test_client_secret(world: World, where: Served) -> None:
    assert ["secret"] == _read_with(world, where, ClientSecret(Secret("env", (SECRET_PLACE,))))


@pytest.mark.finding("N-106")
def test_the_token_that_the_authority_gave_is_known_as_a_secret(world: World, where: Served) -> None:
    _read_with(world, where, ClientSecret(Secret("env", (SECRET_PLACE,))))
    tokens = world.standin.authority.tokens
    assert tokens
    assert [] == [token for token in tokens if token in blotted(f"Graph said {token}")]


def _pem(key: rsa.RSAPrivateKey, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize("encrypted", [False, True])
def test_pem_certificate(
    world: World,
    where: Served,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encrypted: bool,
) -> None:
    world.standin.authority.client.certificate = certificate
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    how = serialization.BestAvailableEncryption(PASSPHRASE.encode()) if encrypted else serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(_pem(key, how))
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE)
    passphrase = Secret("env", ("PASSPHRASE",)) if encrypted else None
    credential = PemCertificate(Secret("file", (str(tmp_path / "key.pem"),)), tmp_path / "cert.pem", passphrase)

    assert ["PS256"] == _read_with(world, where, credential)


def test_pfx_certificate(
    world: World,
    where: Served,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.standin.authority.client.certificate = certificate
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    pfx = pkcs12.serialize_key_and_certificates(b"syncd", key, certificate, None, encryption)
    (tmp_path / "both.pfx").write_bytes(pfx)
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE)

    assert ["PS256"] == _read_with(world, where, PfxCertificate(tmp_path / "both.pfx", Secret("env", ("PASSPHRASE",))))


def test_a_certificate_of_somebody_else_is_refused(
    world: World, where: Served, certificate: x509.Certificate, tmp_path: Path
) -> None:
    world.standin.authority.client.certificate = certificate
    other = rsa.generate_private_key(65537, 2048)
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(_pem(other, serialization.NoEncryption()))
    credential = PemCertificate(Secret("file", (str(tmp_path / "key.pem"),)), tmp_path / "cert.pem")
    with pytest.raises(SourceUnavailable, match="no access token"):
        world.source(where, credential=credential).read()


def test_workload_identity_with_everything_from_the_environment(
    world: World, where: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, token = world.standin.authority.client, tmp_path / "token"
    token.write_text(client.federated)
    host, _, tenant = where.authority.rpartition("/")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    monkeypatch.setenv("AZURE_TENANT_ID", tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", client.id)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"{host}/")

    proofs = _read_with(world, where, WorkloadIdentity(), tenant="", client_id="", authority=None)
    assert ["federated"] == proofs


def test_a_workload_token_is_read_anew_each_time(world: World, where: Served, tmp_path: Path) -> None:
    client, token = world.standin.authority.client, tmp_path / "token"
    token.write_text(client.federated)
    source = world.source(where, credential=WorkloadIdentity(token))
    source.read()
    client.federated = "planted-next-token"
    token.write_text(client.federated)
    world.standin.authority.revoke_all()
    source.read()
    assert ["federated", "federated"] == world.standin.authority.proofs


def test_a_workload_token_that_is_not_there_is_named(world: World, where: Served, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"file:.*nowhere: No such file"):
        world.source(where, credential=WorkloadIdentity(tmp_path / "nowhere")).read()


@pytest.mark.parametrize(("client_id", "proof"), [(None, "managed identity"), ("mine", "managed identity mine")])
def test_managed_identity(
    world: World, where: Served, monkeypatch: pytest.MonkeyPatch, client_id: str | None, proof: str
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", where.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", world.standin.authority.identity_header)
    assert [proof] == _read_with(world, where, ManagedIdentity(client_id), tenant="", client_id="")


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, "AADSTS7000215", r"the client secret is wrong.*\(AADSTS7000215\)"),
        (401, "AADSTS7000222", "the client secret has expired; make a new one"),
        (400, "AADSTS700016", "the application is not in this tenant"),
        (400, "AADSTS12345", r"the credential was refused \(AADSTS12345\)"),
        (503, "AADSTS90033", "the authority answered with a server error"),
    ],
)
def test_a_refusal_becomes_a_sentence(world: World, where: Served, status: int, code: str, sentence: str) -> None:
    world.standin.authority.failures = [(status, code)] * 10
    with pytest.raises(SourceUnavailable, match=f"source entra: no access token: {sentence}"):
        world.source(where).read()


def test_an_authority_that_is_busy_for_a_moment_is_asked_again(world: World, where: Served) -> None:
    world.standin.authority.failures = [(503, "AADSTS90033"), (429, "AADSTS90055")]
    waits: list[float] = []
    assert world.truth() == members(world.source(where, waits=waits).read())
    assert [0.5, 1.0] == waits[:2]


def test_a_new_secret_is_used_without_a_restart(world: World, where: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    source = world.source(where)
    monkeypatch.setenv(SECRET_PLACE, "planted-old-secret")
    with pytest.raises(SourceUnavailable, match="secret is wrong"):
        source.read()
    monkeypatch.setenv(SECRET_PLACE, world.standin.authority.client.secret)
    assert world.truth() == members(source.read())


def test_an_unknown_tenant_is_a_sentence(world: World, where: Served) -> None:
    with pytest.raises(SourceUnavailable, match="look at `tenant`"):
        world.source(where, authority=where.authority + "x").read()


def test_an_authority_that_cannot_be_reached_is_a_sentence(world: World, where: Served) -> None:
    with pytest.raises(SourceUnavailable, match="the authority: the connection was refused"):
        world.source(where, authority="https://127.0.0.1:9/contoso").read()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY"])
def test_the_environment_changes_nothing(
    world: World, where: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9" if variable.endswith("PROXY") else str(tmp_path / "no.pem"))
    assert world.truth() == members(world.source(where).read())


def test_a_server_of_another_authority_is_not_trusted(world: World, where: Served) -> None:
    with pytest.raises(SourceUnavailable, match=r"the authority: its certificate is not trusted \(.*\); set `ca`"):
        world.source(where, ca=None).read()


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log_or_error(
    world: World, where: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the libraries' own debug logging on; every invented secret has `planted` in it."""
    caplog.set_level(logging.DEBUG)
    for name in ("msal", "urllib3", "requests"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    source = world.source(where)
    source.refresh(*source.read_from_here())
    errors = []
    for kind in (LieKind.TOKEN_EXPIRED, LieKind.WEB_PAGE, LieKind.FORBIDDEN):
        world.standin.lies = []
        world.standin.lie(kind, times=10_000)
        with pytest.raises(SourceUnavailable) as caught:
            source.read()
        errors.append(caught.value)
    world.standin.authority.failures = [(401, "AADSTS7000215")] * 3
    world.standin.authority.revoke_all()
    with pytest.raises(SourceUnavailable) as caught:
        source.read()

    shown = caplog.text + repr(source) + "".join(f"{e}{e!r}{e.__cause__!r}" for e in [*errors, caught.value])
    assert "oauth2/v2.0/token" in shown, "the libraries did log"
    assert "planted" not in shown
    assert "planted" not in repr(world.settings(where))


def test_settings_never_show_what_they_refer_to(world: World, where: Served) -> None:
    settings = replace(world.settings(where), credential=ClientSecret(Secret("file", ("/run/secrets/entra",))))
    assert "file:/run/secrets/entra" in repr(settings)
    assert isinstance(EntraSource("entra", settings, SourceSurroundings(lambda: datetime.now(UTC))), EntraSource), (
        "made without I/O"
    )
