"""Settings: hosts of the clouds, selections, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.http.secrets import Secret
from syncd.sources.entra import CLOUDS, ClientSecret, EntraSettings, GroupSelection, WorkloadIdentity
from syncd.sources.entra.selection import Picked, pick
from syncd.sources.entra.tokens import authority_of, client_id_of

SETTINGS = EntraSettings("contoso.example", "me", ClientSecret(Secret("env", ("X",))), (GroupSelection("all"),))


@pytest.mark.parametrize(
    ("cloud", "authority", "graph", "resource"),
    [
        (
            "global",
            "https://login.microsoftonline.com/contoso.example",
            "https://graph.microsoft.com/v1.0",
            "https://graph.microsoft.com",
        ),
        (
            "usgov",
            "https://login.microsoftonline.us/contoso.example",
            "https://graph.microsoft.us/v1.0",
            "https://graph.microsoft.us",
        ),
        (
            "usgov-dod",
            "https://login.microsoftonline.us/contoso.example",
            "https://dod-graph.microsoft.us/v1.0",
            "https://dod-graph.microsoft.us",
        ),
        (
            "china",
            "https://login.chinacloudapi.cn/contoso.example",
            "https://microsoftgraph.chinacloudapi.cn/v1.0",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    ],
)
def test_each_cloud_has_its_hosts(cloud: str, authority: str, graph: str, resource: str) -> None:
    settings = replace(SETTINGS, cloud=cloud)
    assert (authority, graph, resource) == (authority_of(settings), settings.graph_url, settings.resource)


def test_the_table_of_clouds_is_whole() -> None:
    assert {"global", "usgov", "usgov-dod", "china"} == CLOUDS.keys()


def test_what_kubernetes_says_counts_for_workload_identity_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.partner.example/")
    monkeypatch.setenv("AZURE_TENANT_ID", "theirs")
    monkeypatch.setenv("AZURE_CLIENT_ID", "them")
    workload = replace(SETTINGS, credential=WorkloadIdentity(), tenant="", client_id="")

    assert ("https://login.partner.example/theirs", "them") == (authority_of(workload), client_id_of(workload))
    assert ("https://login.microsoftonline.com/contoso.example", "me") == (
        authority_of(SETTINGS),
        client_id_of(SETTINGS),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cloud": "mars"}, "cloud must be one of"),
        ({"page_size": 1000}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"concurrency": 0}, "at least 1"),
        ({"attempts": 0}, "at least 1"),
        ({"groups": ()}, "no group is selected"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]  # wrong values are the point


def test_a_selection_has_a_value_or_is_for_all() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        GroupSelection("prefix")
    with pytest.raises(ValueError, match="needs no value"):
        GroupSelection("all", "x")


def test_the_first_selection_that_is_for_a_group_counts() -> None:
    selections = (GroupSelection("name", "Ops", transitive=True), GroupSelection("prefix", "o"))
    assert Picked("1", "oPS", transitive=True) == pick(selections, {"id": "1", "displayName": "oPS"})
    assert Picked("2", "Other") == pick(selections, {"id": "2", "displayName": "Other"})
    assert pick(selections, {"id": "3", "displayName": None}) is None
