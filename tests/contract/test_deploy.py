"""What is in deploy/ says the same everywhere: unit, image, manifests, the configurations shipped with them, the page."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from ruamel.yaml import YAML

from syncd import app
from syncd.config import load

ROOT = Path(__file__).parents[2]
SYSTEMD, KUBERNETES = ROOT / "deploy/systemd", ROOT / "deploy/kubernetes"
CONTAINERFILE = ROOT / "deploy/container/Containerfile"
PAGE = (ROOT / "docs/deploy.md").read_text("utf-8")
CONFIGS = (SYSTEMD / "config.toml", KUBERNETES / "config.toml")


def values_of(key: str, tree: object) -> set[str]:
    """Give every text under this key, wherever it is."""
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    own = {tree[key]} if isinstance(tree, dict) and isinstance(tree.get(key), str) else set()
    return own.union(*(values_of(key, value) for value in below))


def written(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


# --- the configurations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CONFIGS, ids=["systemd", "kubernetes"])
def test_the_shipped_configuration_is_valid_and_only_observes(path: Path) -> None:
    settings = load(path)

    assert [False] == [deployment.enforce for deployment in settings.deployments]
    assert () == (settings.http.tokens if settings.http else None)


@pytest.mark.parametrize("path", CONFIGS, ids=["systemd", "kubernetes"])
def test_the_shipped_mapping_fits_it(path: Path) -> None:
    rules = app.read_rules(replace(load(path), mappings=KUBERNETES / "mappings"))

    assert ["finance-analyst"] == list(rules.roles)


# --- systemd ----------------------------------------------------------------------------------------------------------


def directives(*names: str) -> dict[str, list[str]]:
    """Read the directives of a unit and its drop-ins, by name."""
    found: dict[str, list[str]] = {}
    for name in names:
        for line in (SYSTEMD / name).read_text("utf-8").splitlines():
            if "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                found.setdefault(key, []).append(value)
    return found


UNIT = directives("syncd.service")


def systemd_analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program, "this test needs systemd-analyze: apt-get install systemd"
    return subprocess.run([program, "--no-pager", *words], capture_output=True, text=True, timeout=60)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with its drop-in, where the programs that it starts exist."""
    text = re.sub(
        r"^(Exec\w+)=/\S+", rf"\1={shutil.which('true')}", (SYSTEMD / "syncd.service").read_text(), flags=re.M
    )
    (tmp_path / "syncd.service").write_text(text)
    (tmp_path / "syncd.service.d").mkdir()
    shutil.copy(SYSTEMD / "credentials.conf", tmp_path / "syncd.service.d")
    return tmp_path / "syncd.service"


def complaints(unit: Path) -> list[str]:
    """Say what systemd finds wrong with the unit; what it says of other units of this machine is not ours."""
    output = systemd_analyze("verify", unit).stderr
    return [line for line in output.splitlines() if "syncd" in line]


def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    assert [] == complaints(installed)


@pytest.mark.parametrize("file", ["syncd.service", "syncd.service.d/credentials.conf"])
def test_systemd_would_find_what_is_wrong(installed: Path, file: str) -> None:
    with (installed.parent / file).open("a") as unit:
        unit.write("\n[Service]\nProtectHomes=yes\n")

    assert "ProtectHomes" in "".join(complaints(installed))


def test_the_service_is_well_shut_in(installed: Path) -> None:
    found = systemd_analyze("security", "--offline=true", "--threshold=15", installed)

    exposure = re.search(r"exposure level for syncd.service: ([0-9.]+)", found.stdout)
    assert exposure, found.stderr
    assert float(exposure[1]) <= 1.5
    assert 0 == found.returncode


def test_the_unit_and_its_configuration_agree_on_places() -> None:
    [command] = UNIT["ExecStart"]
    settings = load(SYSTEMD / "config.toml")
    [state], [run], [etc] = UNIT["StateDirectory"], UNIT["RuntimeDirectory"], UNIT["ConfigurationDirectory"]

    assert f"--config /etc/{etc}/config.toml run" == command.split(" ", 1)[1]
    assert f"sqlite:////var/lib/{state}/syncd.db" == settings.database.url
    assert Path("/run", run, "syncd.sock") == settings.daemon.socket
    assert Path("/etc", etc, "mappings") == settings.mappings
    assert [f"/var/lib/{state}"] == UNIT["WorkingDirectory"]


def test_every_credential_that_the_configuration_names_is_loaded() -> None:
    loaded = directives("credentials.conf")["LoadCredential"]

    assert values_of("credential", written(SYSTEMD / "config.toml")) == {one.partition(":")[0] for one in loaded}
    assert all(one.partition(":")[2].startswith("/etc/syncd/credentials/") for one in loaded)


def test_the_user_of_the_unit_is_the_one_that_is_made() -> None:
    [line] = [line for line in (SYSTEMD / "syncd.sysusers.conf").read_text().splitlines() if line.startswith("u ")]

    assert UNIT["User"] == UNIT["Group"] == [line.split()[1]]
    assert UNIT["WorkingDirectory"] == [shlex.split(line)[4]]


def test_the_service_reports_restarts_and_ends_as_the_page_says() -> None:
    wanted = {
        "Type": "notify",
        "WatchdogSec": "120",
        "Restart": "on-failure",
        "RestartSec": "10",
        "StartLimitIntervalSec": "0",
        "TimeoutStopSec": "15",
        "KillMode": "mixed",
        "LimitCORE": "0",
        "UMask": "0077",
        "ExecReload": "/bin/kill -HUP $MAINPID",
    }

    assert wanted == {key: UNIT[key][0] for key in wanted}


# --- the image --------------------------------------------------------------------------------------------------------


def stages() -> list[list[tuple[str, str]]]:
    """Read the instructions of the Containerfile, stage by stage."""
    lines = [line for line in CONTAINERFILE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, " ".join(rest.split())))
    return found


def instructions(name: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for instruction, rest in stage if instruction == name]


def test_the_image_is_made_of_one_named_base_and_what_is_here() -> None:
    build, final = stages()
    [base], [first] = instructions("FROM", final), instructions("FROM", build)

    assert f"{base} AS build" == first
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-[a-z]+", base)
    assert [] == instructions("ADD", build + final)
    assert not re.search(r"curl|wget|https?://|git\+", CONTAINERFILE.read_text("utf-8"))


def test_every_package_in_the_image_has_its_hash() -> None:
    installs = [step for step in " && ".join(instructions("RUN", stages()[0])).split(" && ") if "pip install" in step]

    assert [
        "/opt/syncd/bin/pip install --require-hashes -r requirements/postgres.txt",
        "/opt/syncd/bin/pip install --no-deps --no-build-isolation .",
    ] == installs


def only_to_build() -> Sequence[str]:
    """Name the packages of the image that nothing wants but the build, as far as their lock says who wants them."""
    lock = (ROOT / "requirements" / "postgres.txt").read_text("utf-8")
    entries = re.findall(r"^([a-z0-9._-]+)==(.*?)(?=^[a-z]|\Z)", lock, flags=re.M | re.S)
    wanted_by = {name: set(re.findall(r"# +(?:via )?([a-z].*)", text)) - {"via"} for name, text in entries}
    builders: set[str] = set()
    while (
        more := {name for name, who in wanted_by.items() if who <= {"syncd (pyproject.toml:build)", *builders}}
        - builders
    ):
        builders |= more
    return sorted(builders)


def test_nothing_that_builds_is_in_the_final_stage() -> None:
    build, final = stages()

    assert instructions("RUN", build)[-1].endswith(f"pip uninstall --yes {' '.join(only_to_build())} pip")
    assert "pip uninstall" in instructions("RUN", final)[0]
    assert not re.search(r"apt-get|gcc|pip install", " ".join(instructions("RUN", final)))
    assert ["--from=build /opt/syncd /opt/syncd"] == instructions("COPY", final)


def test_the_image_runs_the_daemon_as_a_number_that_is_not_root() -> None:
    final = stages()[-1]

    assert ["10001:10001"] == instructions("USER", final)
    assert ['["syncd"]'] == instructions("ENTRYPOINT", final)
    assert ['["run"]'] == instructions("CMD", final)
    assert "SYNCD_CONFIG=/etc/syncd/config.toml" in " ".join(instructions("ENV", final))
    assert "install -d -o 10001 -g 10001 -m 0700 /var/lib/syncd /run/syncd" in instructions("RUN", final)[0]


def test_what_is_copied_exists_and_is_let_through_and_nothing_else_is() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sources = [word for line in instructions("COPY", stages()[0]) for word in line.split()[:-1]]

    assert "*" == rules[0]
    assert sorted(f"!{source}" for source in sources) == sorted(rule for rule in rules if rule.startswith("!"))
    assert all((ROOT / source).exists() for source in sources)


def pins(name: str) -> Mapping[str, str]:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.M))


def test_the_image_has_what_everybody_has_and_postgresql() -> None:
    run, image = pins("run.txt"), pins("postgres.txt")

    assert run.items() <= image.items()
    assert {"psycopg", "psycopg-binary"} == image.keys() - run.keys()


# --- Kubernetes -------------------------------------------------------------------------------------------------------

YAML_1_2 = YAML(typ="safe", pure=True)
KUBECTL = shutil.which("kubectl")
Manifests = dict[str, dict[str, Any]]


def read_files() -> Iterator[dict[str, Any]]:
    """Put together what kustomize would, of the little that the kustomization asks for."""
    kustomization = YAML_1_2.load(KUBERNETES / "kustomization.yaml")
    for name in kustomization["resources"]:
        yield YAML_1_2.load(KUBERNETES / name)
    for made in kustomization["configMapGenerator"]:
        files = [KUBERNETES / name for name in made["files"]]
        data = {file.name: file.read_text("utf-8") for file in files}
        yield {"kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data}


def render() -> Iterator[dict[str, Any]]:
    """Let kustomize do it."""
    command = [str(KUBECTL), "kustomize", str(KUBERNETES)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    yield from YAML_1_2.load_all(text)


@pytest.fixture(scope="module", params=["files", "kustomize"] if KUBECTL else ["files"])
def manifests(request: pytest.FixtureRequest) -> Manifests:
    """Every object by kind and name."""
    found = render() if request.param == "kustomize" else read_files()
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}


@pytest.fixture(scope="module")
def pod(manifests: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["Deployment syncd"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [found] = pod["containers"]
    return dict(found)


def test_every_object_is_there_and_in_no_namespace(manifests: Manifests) -> None:
    assert {
        "ServiceAccount syncd",
        "ConfigMap syncd-config",
        "ConfigMap syncd-mappings",
        "Deployment syncd",
        "Service syncd",
        "PodDisruptionBudget syncd",
        "NetworkPolicy syncd",
    } == set(manifests)
    assert not values_of("namespace", list(manifests.values()))
    assert "Secret" not in values_of("kind", list(manifests.values()))


def test_every_file_is_in_the_kustomization() -> None:
    kustomization = YAML_1_2.load(KUBERNETES / "kustomization.yaml")
    made = [name for generator in kustomization["configMapGenerator"] for name in generator["files"]]
    files = {p.relative_to(KUBERNETES).as_posix() for p in KUBERNETES.rglob("*") if p.is_file()}

    assert {"kustomization.yaml", *kustomization["resources"], *made} == files
    assert kustomization["generatorOptions"]["disableNameSuffixHash"] is True


def test_every_selector_finds_the_pods(manifests: Manifests, pod: dict[str, Any]) -> None:
    labels = manifests["Deployment syncd"]["spec"]["template"]["metadata"]["labels"]
    [spread] = pod["topologySpreadConstraints"]

    for selector in (
        manifests["Deployment syncd"]["spec"]["selector"]["matchLabels"],
        manifests["Service syncd"]["spec"]["selector"],
        manifests["PodDisruptionBudget syncd"]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy syncd"]["spec"]["podSelector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
    ):
        assert selector
        assert selector.items() <= labels.items()


def test_the_pod_may_do_nothing(manifests: Manifests, pod: dict[str, Any], container: dict[str, Any]) -> None:
    """The restricted profile of Kubernetes' Pod Security Standards, a read-only root, and no token for its API."""
    assert {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    } == pod["securityContext"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert manifests["ServiceAccount syncd"]["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_the_user_is_the_one_of_the_image(pod: dict[str, Any]) -> None:
    context = pod["securityContext"]

    assert [f"{context['runAsUser']}:{context['runAsGroup']}"] == instructions("USER", stages()[-1])


def test_two_replicas_of_one_version_end_in_time(manifests: Manifests, pod: dict[str, Any]) -> None:
    deployment = manifests["Deployment syncd"]["spec"]

    assert 2 == deployment["replicas"]
    assert {"type": "Recreate"} == deployment["strategy"]
    assert 15 == pod["terminationGracePeriodSeconds"]
    assert "lifecycle" not in pod["containers"][0]
    assert 1 == manifests["PodDisruptionBudget syncd"]["spec"]["maxUnavailable"]
    assert load(KUBERNETES / "config.toml").database.url.startswith("postgresql")


def test_probes_and_policies_use_the_port_that_the_daemon_listens_on(
    manifests: Manifests, container: dict[str, Any]
) -> None:
    http = load(KUBERNETES / "config.toml").http
    [port] = container["ports"]
    [served] = manifests["Service syncd"]["spec"]["ports"]
    [let_in] = manifests["NetworkPolicy syncd"]["spec"]["ingress"]
    paths = {probe: container[probe]["httpGet"] for probe in container if probe.endswith("Probe")}

    assert http is not None
    assert ("0.0.0.0", port["containerPort"]) == (http.listen_host, http.listen_port)  # noqa: S104 - in its own pod
    assert {
        "startupProbe": {"path": "/healthz", "port": port["name"]},
        "livenessProbe": {"path": "/healthz", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    } == paths
    assert port["name"] == served["targetPort"] == let_in["ports"][0]["port"]
    assert let_in["from"]


def test_memory_is_asked_for_and_bounded(container: dict[str, Any]) -> None:
    assert {"cpu", "memory"} == container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]


def test_what_the_configuration_reads_and_writes_is_mounted(pod: dict[str, Any], container: dict[str, Any]) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    config = written(KUBERNETES / "config.toml")
    settings = load(KUBERNETES / "config.toml")
    certificates = re.findall(r"sslrootcert=([^&]+)", settings.database.url)
    secrets = values_of("file", config) | set(certificates)

    assert {"SYNCD_CONFIG": "/etc/syncd/config.toml"} == {one["name"]: one["value"] for one in container["env"]}
    assert "syncd-config" == mounts["/etc/syncd"]["configMap"]["name"]
    assert "syncd-mappings" == mounts[str(settings.mappings)]["configMap"]["name"]
    assert "emptyDir" in mounts[str(settings.daemon.socket and settings.daemon.socket.parent)]
    assert {"/etc/syncd-secrets"} == {str(PurePosixPath(path).parent) for path in secrets}
    assert "syncd-secrets" == mounts["/etc/syncd-secrets"]["secret"]["secretName"]
    assert 0o440 == mounts["/etc/syncd-secrets"]["secret"]["defaultMode"]


def test_what_is_mounted_changes_with_its_source_and_cannot_be_written(container: dict[str, Any]) -> None:
    mounts = container["volumeMounts"]

    assert not values_of("subPath", mounts)
    assert ["/run/syncd"] == [mount["mountPath"] for mount in mounts if not mount.get("readOnly")]


def test_the_config_maps_hold_what_is_shipped(manifests: Manifests) -> None:
    config, mappings = manifests["ConfigMap syncd-config"]["data"], manifests["ConfigMap syncd-mappings"]["data"]

    assert {"config.toml": (KUBERNETES / "config.toml").read_text("utf-8")} == config
    assert ["finance.yaml"] == list(mappings)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_makes_every_secret_that_the_configuration_reads() -> None:
    text = (KUBERNETES / "config.toml").read_text("utf-8")
    wanted = set(re.findall(r"/etc/syncd-secrets/([\w-]+(?:\.pem)?)", text))

    assert wanted == set(re.findall(r"--from-file=([\w.-]+)=", PAGE))


@pytest.mark.parametrize(
    "words",
    [
        "10001",
        "/healthz",
        "/readyz",
        "/var/lib/syncd",
        "/run/syncd/syncd.sock",
        "/etc/syncd-mappings",
        "/etc/syncd-secrets",
    ],
)
def test_the_page_names_what_is_there(words: str) -> None:
    assert words in PAGE


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"\b(?:deploy|requirements)/[\w./-]*\w", PAGE))

    assert named
    assert [] == [name for name in sorted(named) if not (ROOT / name).exists()]


def test_every_file_of_the_unit_is_installed_by_the_page() -> None:
    names = {path.name for path in SYSTEMD.iterdir()}

    assert names == {name for name in names if any(fnmatch(word, f"*deploy/systemd/{name}") for word in PAGE.split())}
