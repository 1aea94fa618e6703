"""From the tables of sources to the settings that their adapters take."""

from __future__ import annotations

from typing import assert_never

from syncd.config.fields import Reference
from syncd.config.settings import EntraSourceSettings, FileSourceSettings, OktaSourceSettings, SourceSettings
from syncd.config.source_tables import (
    EntraAuth,
    EntraGroups,
    EntraSourceTable,
    FileSourceTable,
    OktaAuth,
    OktaSourceTable,
)
from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.sources import entra, okta


def source_settings(name: str, table: FileSourceTable | OktaSourceTable | EntraSourceTable) -> SourceSettings:
    match table:
        case FileSourceTable():
            return FileSourceSettings(name, table.directory)
        case OktaSourceTable():
            return OktaSourceSettings(name, _okta(table))
        case EntraSourceTable():
            return EntraSourceSettings(name, _entra(table))
        case _:
            assert_never(table)


def secret(reference: Reference) -> Secret:
    [(kind, place)] = reference.model_dump(exclude_unset=True).items()
    return Secret(kind, place if isinstance(place, tuple) else (str(place),))


def _maybe(reference: Reference | None) -> Secret | None:
    return secret(reference) if reference else None


def _needed(reference: Reference | None) -> Secret:
    assert reference is not None  # the check of the table
    return secret(reference)


def _okta(table: OktaSourceTable) -> okta.OktaSettings:
    connection = Connection(
        table.url,
        timeout_s=table.timeouts.read_s,
        connect_timeout_s=table.timeouts.connect_s,
        ca=table.ca,
        proxy=table.proxy,
    )
    chosen = table.groups
    return okta.OktaSettings(
        connection,
        _okta_credential(table.auth),
        okta.GroupSelection(chosen.all, chosen.ids, chosen.names, chosen.prefixes, chosen.types),
        page_limit=table.page_limit,
        leave_free=table.leave_free,
        concurrency=table.concurrency,
        deadline_s=table.deadline_s,
        overlap_s=table.overlap_s,
        retries=Retries(attempts=table.attempts),
    )


def _okta_credential(auth: OktaAuth) -> okta.ApiToken | okta.PrivateKey:
    if auth.kind == "token":
        return okta.ApiToken(_needed(auth.token))
    assert auth.client_id is not None  # the check of the table
    return okta.PrivateKey(auth.client_id, _needed(auth.key), auth.key_id, auth.scopes, auth.dpop)


def _entra(table: EntraSourceTable) -> entra.EntraSettings:
    return entra.EntraSettings(
        tenant=table.tenant or "",
        client_id=table.client_id or "",
        credential=_entra_credential(table.auth),
        groups=tuple(map(_entra_group, table.groups)),
        cloud=table.cloud,
        authority=table.authority,
        graph=table.graph,
        guests=table.guests,
        agents=table.agents,
        app_roles=table.app_roles,
        page_size=table.page_size,
        concurrency=table.concurrency,
        throttle_share=table.throttle_share,
        attempts=table.attempts,
        first_wait_s=table.first_wait_s,
        longest_wait_s=table.longest_wait_s,
        deadline_s=table.deadline_s,
        settle_s=table.settle_s,
        timeout_s=table.timeouts.read_s,
        connect_timeout_s=table.timeouts.connect_s,
        ca=table.ca,
        proxy=table.proxy,
    )


def _entra_credential(auth: EntraAuth) -> entra.Credential:
    match auth.kind:
        case "client_secret":
            return entra.ClientSecret(_needed(auth.secret))
        case "certificate":
            assert auth.certificate is not None  # the check of the table
            return entra.PemCertificate(_needed(auth.key), auth.certificate, _maybe(auth.passphrase))
        case "pfx":
            assert auth.pfx is not None  # the check of the table
            return entra.PfxCertificate(auth.pfx, _maybe(auth.passphrase))
        case "workload_identity":
            return entra.WorkloadIdentity(auth.token_file)
        case "managed_identity":
            return entra.ManagedIdentity(auth.client_id)


def _entra_group(table: EntraGroups) -> entra.GroupSelection:
    if table.id is not None:
        return entra.GroupSelection("id", table.id, table.transitive)
    if table.name is not None:
        return entra.GroupSelection("name", table.name, table.transitive)
    if table.prefix is not None:
        return entra.GroupSelection("prefix", table.prefix, table.transitive)
    return entra.GroupSelection("all", transitive=table.transitive)
