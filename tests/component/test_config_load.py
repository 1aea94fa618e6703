"""From config.toml to settings: defaults, paths, secrets by reference, the database, the mapping directory."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.config import (
    DeploymentSettings,
    Settings,
    SourceSettings,
    load,
    read_mappings,
)
from syncd.errors import ConfigInvalid
from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import Adopt, Joining, JoinKey
from syncd.plan.limits import Limits
from syncd.sources import entra, okta
from syncd.sources.file import FileSettings
from syncd.text.folder import Wanted, read_folder

ROOT = Path(__file__).parents[2]
SOURCE = '[sources.people]\ntype = "file"\ndirectory = "people"\n'
AUTH = 'auth = { kind = "basic", username = "syncd", password = { env = "PW" } }\n'
DEPLOYMENT = f'[deployments.prod]\nurl = "https://prod.example.com"\n{AUTH}'


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def only(settings: Settings) -> DeploymentSettings:
    [deployment] = settings.deployments
    return deployment


def test_the_least_that_can_be_written(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SOURCE + DEPLOYMENT)

    assert f"sqlite:///{tmp_path}/syncd.db" == settings.database.connect_url()
    assert (tmp_path / "mappings", 4) == (settings.mappings, settings.workers)
    assert (SourceSettings("people", "file", FileSettings(tmp_path / "people")),) == settings.sources
    prod = only(settings)
    assert (False, Limits()) == (prod.enforce, prod.limits)
    assert ("prod", {"name": "prod"}, "{login}") == (
        prod.deployment.name,
        prod.deployment.labels,
        prod.deployment.username,
    )
    [credential] = prod.settings.credentials
    assert ("basic", "syncd", Secret("env", ("PW",))) == (credential.kind, credential.username, credential.secret)


def test_everything_that_can_be_written(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    text = f"""
mode = "enforce"
labels = {{ env = "prod" }}
username = "okta_{{id}}"
match_email = true
leavers = "delete"
manual_grants = "remove"
adopt = "declared"
protected = ["admin", "breakglass"]
timeouts = {{ connect_s = 1, read_s = 2.5 }}
ca = "ca.pem"
client_cert = "{tmp_path}/cert.pem"
client_key = "key.pem"
proxy = "http://proxy:3128"
headers = {{ X-Plain = "a", X-Key = {{ command = ["vault", "read"] }} }}
limits = {{ removals = 7, share = 1 }}
"""
    prod = only(loaded(tmp_path, SOURCE + DEPLOYMENT + text))

    assert (True, Limits(removals=7, share=1.0)) == (prod.enforce, prod.limits)
    this = prod.deployment
    assert ({"env": "prod", "name": "prod"}, "okta_{id}") == (this.labels, this.username)
    assert (True, True, True) == (this.match_email, this.delete_leavers, this.remove_manual_grants)
    assert (Adopt.DECLARED, frozenset({"admin", "breakglass"})) == (this.adopt, this.protected)
    to = prod.settings.connection
    assert ("https://prod.example.com", 1.0, 2.5) == (to.base_url, to.connect_timeout_s, to.timeout_s)
    assert (tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem") == (to.ca, to.client_cert, to.client_key)
    assert "http://proxy:3128" == to.proxy
    assert {"X-Plain": "a", "X-Key": Secret("command", ("vault", "read"))} == to.headers


@pytest.mark.parametrize(
    ("reference", "secret"),
    [
        ('{ env = "A" }', Secret("env", ("A",))),
        ('{ file = "/run/pw" }', Secret("file", ("/run/pw",))),
        ('{ credential = "pw" }', Secret("credential", ("pw",))),
        ('{ command = ["vault", "read"] }', Secret("command", ("vault", "read"))),
    ],
)
def test_secrets_are_references(tmp_path: Path, reference: str, secret: Secret) -> None:
    prod = only(loaded(tmp_path, SOURCE + DEPLOYMENT.replace('{ env = "PW" }', reference)))

    assert [secret] == [credential.secret for credential in prod.settings.credentials]


def test_a_file_with_a_secret_is_as_seen_from_the_folder(tmp_path: Path) -> None:
    prod = only(loaded(tmp_path, SOURCE + DEPLOYMENT.replace('env = "PW"', 'file = "pw"')))

    assert Secret("file", (f"{tmp_path}/pw",)) == prod.settings.credentials[0].secret


def test_several_credentials(tmp_path: Path) -> None:
    auth = 'auth = [{ kind = "token", username = "a", password = { env = "A" } }, { kind = "bearer", token = { env = "B" } }]\n'
    prod = only(loaded(tmp_path, SOURCE + DEPLOYMENT.replace(AUTH, auth)))

    assert [("token", "a"), ("bearer", None)] == [(c.kind, c.username) for c in prod.settings.credentials]


def test_defaults_fill_what_a_deployment_leaves_out(tmp_path: Path) -> None:
    text = """
[limits]
removals = 1
share = 0.5
[defaults]
mode = "enforce"
protected = ["a"]
labels = { env = "dev", team = "x" }
limits = { floor = 9 }
timeouts = { connect_s = 3 }
auth = { kind = "basic", username = "shared", password = { env = "A" } }
[deployments.plain]
url = "https://plain.example.com"
[deployments.own]
url = "https://own.example.com"
mode = "observe"
protected = ["b"]
labels.env = "prod"
limits.share = 1.0
timeouts.read_s = 4
auth = { kind = "bearer", token = { env = "B" } }
"""
    plain, own = loaded(tmp_path, SOURCE + text).deployments

    assert (True, frozenset({"a"})) == (plain.enforce, plain.deployment.protected)
    assert {"env": "dev", "team": "x", "name": "plain"} == plain.deployment.labels
    assert Limits(removals=1, share=0.5, floor=9) == plain.limits
    assert (False, frozenset({"b"})) == (own.enforce, own.deployment.protected)
    assert {"env": "prod", "team": "x", "name": "own"} == own.deployment.labels
    assert Limits(removals=1, share=1.0, floor=9) == own.limits
    assert (3.0, 4.0) == (own.settings.connection.connect_timeout_s, own.settings.connection.timeout_s)
    assert ["bearer"] == [c.kind for c in own.settings.credentials]


def test_plain_http_is_for_this_machine_or_on_purpose(tmp_path: Path) -> None:
    for url, more in (("http://localhost:8080", ""), ("http://airflow", "insecure_http = true\n")):
        settings = loaded(tmp_path, SOURCE + DEPLOYMENT.replace("https://prod.example.com", url) + more)

        assert url == only(settings).settings.connection.base_url


def test_the_password_of_the_database_is_only_in_the_url_to_connect(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("p@ss/word\n", encoding="utf-8")
    text = '[database]\nurl = "postgresql+psycopg://syncd@db:5432/syncd?sslmode=require"\npassword = { file = "pw" }\n'
    settings = loaded(tmp_path, text + SOURCE + DEPLOYMENT)

    assert "postgresql+psycopg://syncd:p%40ss%2Fword@db:5432/syncd?sslmode=require" == settings.database.connect_url()
    assert "p@ss" not in repr(settings)
    assert "p%40" not in repr(settings)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path / "config.toml")

    assert "there is no such file; `syncd init` writes one" in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)

    assert f"{tmp_path}: the file cannot be read: Is a directory" == str(caught.value)


def test_the_example_is_sound() -> None:
    settings = load(ROOT / "config.example.toml")

    assert ["prod", "staging", "dev"] == [d.deployment.name for d in settings.deployments]
    assert [True, False, False] == [d.enforce for d in settings.deployments]


@pytest.mark.finding("U-10")
def test_the_example_can_be_tried_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["--config", str(ROOT / "config.example.toml"), "check"])
    said = "ok: 3 deployments (1 enforced), 3 sources; 7 roles and 13 bindings in the mapping; 8 tests hold"
    assert f"{said} (4 whoever is in which group, 4 for the people of today)\n" == capfd.readouterr().out


# --- mapping files ----------------------------------------------------------------------------------------------------


def test_mapping_files_are_named_as_people_see_them(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    (folder / "teams").mkdir(parents=True)
    for name in ("b.yaml", "a.yml", "teams/c.yaml", "notes.txt", ".hidden.yaml"):
        (folder / name).write_text(name, encoding="utf-8")

    read = read_mappings(folder)

    assert {"mappings/a.yml": b"a.yml", "mappings/b.yaml": b"b.yaml", "mappings/teams/c.yaml": b"teams/c.yaml"} == read
    assert sorted(read) == list(read)


def config_map(folder: Path, version: str) -> None:
    """Mount a version of a ConfigMap as Kubernetes does: files are links into `..data`, which is a link that switches."""
    (folder / version).mkdir()
    for name in ("a.yaml", "b.yaml"):
        (folder / version / name).write_text(version, encoding="utf-8")
        if not (folder / name).is_symlink():
            os.symlink(f"..data/{name}", folder / name)
    os.symlink(version, folder / "..new")
    (folder / "..new").rename(folder / "..data")


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    config_map(tmp_path, "..one")

    assert {f"{tmp_path.name}/{name}": b"..one" for name in ("a.yaml", "b.yaml")} == read_mappings(tmp_path)


def test_two_versions_of_a_config_map_are_never_mixed(tmp_path: Path) -> None:
    config_map(tmp_path, "..one")

    def switching(path: Path) -> bytes:
        if path.name == "b.yaml" and not (tmp_path / "..two").exists():
            config_map(tmp_path, "..two")
        return path.read_bytes()

    read = read_folder(tmp_path, Wanted({".yaml": 1000}, 1000), read=switching)

    assert [b"..two", b"..two"] == list(read.values())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("nothing", "there is no directory"),
        ("file", "is not a directory"),
        ("empty", "has no file named *.yaml or *.yml"),
    ],
)
def test_a_mapping_directory_that_holds_nothing_is_a_mistake(tmp_path: Path, made: str, why: str) -> None:
    folder = tmp_path / "mappings"
    if made == "file":
        folder.write_text("", encoding="utf-8")
    if made == "empty":
        folder.mkdir()

    with pytest.raises(ConfigInvalid) as caught:
        read_mappings(folder)

    assert why in str(caught.value)


# --- sources of other types -------------------------------------------------------------------------------------------


def test_an_okta_source(tmp_path: Path) -> None:
    least = """[sources.okta]
type = "okta"
url = "https://example.okta.com/"
auth = { kind = "token", token = { env = "T" } }
groups = { all = true }
"""
    [source] = loaded(tmp_path, least + DEPLOYMENT).sources
    connection = Connection("https://example.okta.com", timeout_s=30.0, connect_timeout_s=10.0)
    expected = okta.OktaSettings(connection, okta.OktaApiToken(Secret("env", ("T",))), okta.GroupFilter(all=True))
    assert expected == source.settings, "what the file leaves out is as the adapter has it"

    most = """[sources.okta]
type = "okta"
url = "https://example.okta.com"
auth = { kind = "private_key", client_id = "0oa", key = { file = "k.pem" }, key_id = "kid", scopes = ["a"], dpop = true }
groups = { ids = ["00g"], names = ["n"], prefixes = ["p-"], types = ["BUILT_IN"] }
page_limit = 100
leave_free = 0.25
concurrency = 3
deadline_s = 60
overlap_s = 5
attempts = 2
timeouts = { connect_s = 1, read_s = 2 }
proxy = "http://proxy:3128"
"""
    [source] = loaded(tmp_path, most + DEPLOYMENT).sources
    expected = okta.OktaSettings(
        Connection("https://example.okta.com", timeout_s=2.0, connect_timeout_s=1.0, proxy="http://proxy:3128"),
        okta.PrivateKey("0oa", Secret("file", (str(tmp_path / "k.pem"),)), "kid", ("a",), dpop=True),
        okta.GroupFilter(ids=("00g",), names=("n",), prefixes=("p-",), types=("BUILT_IN",)),
        page_limit=100,
        leave_free=0.25,
        concurrency=3,
        deadline_s=60.0,
        overlap_s=5.0,
        retries=Retries(attempts=2),
    )
    assert expected == source.settings


ENTRA = '[sources.entra]\ntype = "entra"\ntenant = "contoso.example"\nclient_id = "app"\n'


def test_an_entra_source(tmp_path: Path) -> None:
    least = 'auth = { kind = "client_secret", secret = { env = "S" } }\ngroups = { all = true }\n'
    [source] = loaded(tmp_path, ENTRA + least + DEPLOYMENT).sources
    secret = entra.ClientSecret(Secret("env", ("S",)))
    expected = entra.EntraSettings("contoso.example", "app", secret, (entra.GroupSelection("all"),))
    assert expected == source.settings, "what the file leaves out is as the adapter has it"


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ('kind = "pfx", pfx = "x.pfx"', entra.PfxCertificate(Path("x.pfx"))),
        (
            'kind = "pfx", pfx = "x.pfx", passphrase = { env = "P" }',
            entra.PfxCertificate(Path("x.pfx"), Secret("env", ("P",))),
        ),
        (
            'kind = "certificate", certificate = "c.pem", key = { env = "K" }',
            entra.PemCertificate(Secret("env", ("K",)), Path("c.pem")),
        ),
        ('kind = "workload_identity"', entra.WorkloadIdentity()),
        ('kind = "workload_identity", token_file = "t"', entra.WorkloadIdentity(Path("t"))),
        ('kind = "managed_identity"', entra.ManagedIdentity()),
        ('kind = "managed_identity", client_id = "c"', entra.ManagedIdentity("c")),
    ],
)
def test_the_credentials_of_entra(tmp_path: Path, auth: str, expected: entra.EntraCredential) -> None:
    (tmp_path / "c.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    groups = 'groups = [{ id = "1" }, { name = "n", transitive = true }, { prefix = "p" }]\napp_roles = ["app"]\n'
    [source] = loaded(tmp_path, f"{ENTRA}auth = {{ {auth} }}\n{groups}{DEPLOYMENT}").sources
    assert repr(expected).replace("Path('", f"Path('{tmp_path}/") == repr(source.settings.credential)
    chosen = [("id", "1", False), ("name", "n", True), ("prefix", "p", False)]
    assert (chosen, ("app",)) == (
        [(g.by, g.value, g.transitive) for g in source.settings.groups],
        source.settings.app_roles,
    )


def test_how_sources_are_joined_and_how_often_they_are_read_whole(tmp_path: Path) -> None:
    second = SOURCE.replace("sources.people", "sources.more")
    settings = loaded(tmp_path, SOURCE + second + DEPLOYMENT)
    none = dict.fromkeys(("people", "more"), frozenset[str]())
    assert Joining(JoinKey.EMAIL, ("people", "more"), none) == settings.joining
    assert (timedelta(hours=6), "") == (settings.full_read_every, only(settings).deployment.login_source)

    says = '[join]\nkey = "none"\nnew = "accept"\nprecedence = ["more"]\n[run]\nfull_read_every = "90s"\n'
    second += 'email_domains = ["Corp.Example"]\n'
    settings = loaded(tmp_path, says + SOURCE + second + '[defaults]\nlogin_source = "more"\n' + DEPLOYMENT)
    domains = {"people": frozenset[str](), "more": frozenset({"corp.example"})}
    assert Joining(JoinKey.NONE, ("more", "people"), domains, accept_new=True) == settings.joining
    assert (timedelta(seconds=90), "more") == (settings.full_read_every, only(settings).deployment.login_source)


def test_everything_that_can_be_said_of_an_entra_source(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    most = """auth = { kind = "managed_identity" }
groups = { prefix = "airflow-" }
cloud = "usgov"
authority = "https://login.example.com/t"
graph = "https://graph.example.com/v1.0"
guests = "exclude"
agents = "include"
page_size = 100
concurrency = 2
throttle_share = 0.5
attempts = 3
first_wait_s = 0.5
longest_wait_s = 60
deadline_s = 90
settle_s = 1
timeouts = { connect_s = 1, read_s = 2 }
ca = "ca.pem"
proxy = "http://proxy:3128"
"""
    [source] = loaded(tmp_path, ENTRA + most + DEPLOYMENT).sources
    expected = entra.EntraSettings(
        "contoso.example",
        "app",
        entra.ManagedIdentity(),
        (entra.GroupSelection("prefix", "airflow-"),),
        cloud="usgov",
        authority="https://login.example.com/t",
        graph="https://graph.example.com/v1.0",
        guests="exclude",
        agents="include",
        page_size=100,
        concurrency=2,
        throttle_share=0.5,
        attempts=3,
        first_wait_s=0.5,
        longest_wait_s=60.0,
        deadline_s=90.0,
        settle_s=1.0,
        timeout_s=2.0,
        connect_timeout_s=1.0,
        ca=tmp_path / "ca.pem",
        proxy="http://proxy:3128",
    )
    assert expected == source.settings


@pytest.mark.finding("N-111")
@pytest.mark.parametrize("host", ["a..b", ".x", "\u20ac..x", "a" * 64, "\u20ac" * 64])
@pytest.mark.parametrize("key", ["deployment", "proxy", "okta"])
def test_a_host_name_that_cannot_be_is_refused_at_its_place(tmp_path: Path, key: str, host: str) -> None:
    urls = dict.fromkeys(("deployment", "proxy", "okta"), "https://airflow.example.com") | {key: f"https://{host}"}
    (tmp_path / "config.toml").write_text(
        f"""
[sources.okta]
type = "okta"
url = "{urls["okta"]}"
auth = {{kind = "token", token = {{env = "TOKEN"}}}}
groups = {{all = true}}
[deployments.prod]
url = "{urls["deployment"]}"
proxy = "{urls["proxy"]}"
auth = {{kind = "bearer", token = {{env = "TOKEN"}}}}
""",
        encoding="utf-8",
    )
    line = {"okta": 4, "deployment": 8, "proxy": 9}[key]
    with pytest.raises(ConfigInvalid, match=rf"config.toml:{line}:\d+: .*the host name in it cannot be"):
        load(tmp_path / "config.toml")


def test_a_deployment_is_an_airflow_whether_it_says_so_or_not(tmp_path: Path) -> None:
    said = only(loaded(tmp_path, SOURCE + DEPLOYMENT + 'type = "airflow"\n'))

    assert "airflow" == said.kind
    assert said == only(loaded(tmp_path, SOURCE + DEPLOYMENT))


def test_a_kind_of_target_that_there_is_not_is_refused_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        loaded(tmp_path, SOURCE + DEPLOYMENT + 'type = "airflaw"\n')

    said = 'config.toml:7:8: deployments.prod.type must be "airflow", not "airflaw"'
    assert f"{tmp_path}/{said}" == str(caught.value)
