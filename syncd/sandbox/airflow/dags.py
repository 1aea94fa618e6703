"""DAGs, their runs and tasks: enough to list them, and to show what a role lets its holder do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.sandbox.airflow.answers import CRASHED_2, DELETED, DELETED_DAG_3, AirflowAnswer, Denied, answer
from syncd.sandbox.airflow.authorise import CODE, RUN, TASK_INSTANCE
from syncd.sandbox.airflow.event_log import note
from syncd.sandbox.airflow.request import Request
from syncd.sandbox.airflow.state import KnownDag

_PARAMETERS_2 = ("limit", "offset", "order_by", "tags", "only_active", "paused", "dag_id_pattern", "fields")


def _three(request: Request) -> bool:
    return request.abilities.generation == 3


# --- DAGs -------------------------------------------------------------------------------------------------------------


def list_dags(request: Request) -> AirflowAnswer:
    refused = ("fields",) if request.abilities.dag_fields == "refused" else ()
    request.known_parameters(*(name for name in _PARAMETERS_2 if name not in refused))
    request.require(request.caller.may_dag("GET"))
    readable = [d for d in request.state.dags.values() if request.caller.may_one("GET", d.code.id)]
    chosen = [dag for dag in readable if _chosen(request, dag)]
    most = request.abilities.page_limit
    rows = request.page(
        _ordered(request, chosen),
        default=min(50, most) if _three(request) else most,
        at_zero=0 if _three(request) else most,
    )
    found = {"dags": [_dag(request, dag) for dag in rows]}
    uncounted = request.abilities.dag_fields == "uncounted" and request.all("fields")
    return answer(found if uncounted else found | {"total_entries": len(chosen)})


def _ordered(request: Request, dags: list[KnownDag]) -> list[KnownDag]:
    descending = (request.one("order_by") or "").startswith("-")
    return sorted(dags, key=lambda dag: dag.code.id, reverse=descending)


def _chosen(request: Request, dag: KnownDag) -> bool:
    return _is_current(request, dag) and _is_tagged(request, dag) and _is_named(request, dag)


def _is_current(request: Request, dag: KnownDag) -> bool:
    asked = request.one("exclude_stale" if _three(request) else "only_active")
    return not dag.stale or (asked or "true").lower() in ("false", "0")


def _is_tagged(request: Request, dag: KnownDag) -> bool:
    """Tags are alternatives; Airflow 2 also splits them at commas, Airflow 3 can ask for all of them."""
    asked = list(request.all("tags"))
    if not _three(request):
        asked = [tag for part in asked for tag in part.split(",") if tag]
    hits = [tag in dag.code.tags for tag in asked]
    return not hits or (all(hits) if request.one("tags_match_mode") == "all" else any(hits))


def _is_named(request: Request, dag: KnownDag) -> bool:
    paused, pattern = request.one("paused"), request.one("dag_id_pattern") or ""
    owners = request.all("owners")
    return (
        (paused is None or dag.paused == (paused.lower() in ("true", "1")))
        and pattern.strip("%").lower() in dag.code.id.lower()
        and dag.code.id.startswith(request.one("dag_id_prefix_pattern") or "")
        and (not owners or any(owner in owners for owner in dag.code.owners))
    )


def get_dag(request: Request, dag_id: str) -> AirflowAnswer:
    allowed = request.caller.may_dag("GET", dag_id)
    if not allowed and not _three(request) and "." in dag_id and dag_id not in request.state.dags:
        raise Denied(CRASHED_2)  # 2.x looks for a parent DAG, from the times of sub-DAGs
    request.require(allowed)
    return answer(_dag(request, _found(request, dag_id)))


def patch_dag(request: Request, dag_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("PATCH", dag_id))
    body = request.json()
    dag = _found(request, dag_id)
    dag.paused = bool(body["is_paused"])
    note(request, "patch_dag", "patch_dag", dag_id)
    return answer(_dag(request, dag))


def delete_dag(request: Request, dag_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("DELETE", dag_id))
    del request.state.dags[_found(request, dag_id).code.id]
    return DELETED_DAG_3 if _three(request) else DELETED


def list_tags(request: Request) -> AirflowAnswer:
    request.require(request.caller.may_dag("GET"))
    tags = sorted({tag for dag in request.state.dags.values() for tag in dag.code.tags})
    return answer({"tags": list(request.page(tags, default=50, at_zero=0)), "total_entries": len(tags)})


def get_source(request: Request, dag_id: str) -> AirflowAnswer:
    """The only place where the API shows that a DAG sets access_control, as text; Airflow 3 finds it by DAG id."""
    request.require(request.caller.may_dag("GET", dag_id, parts=CODE))
    code = _found(request, dag_id).code
    access = None if code.access_control is None else {role: set(a) for role, a in code.access_control.items()}
    text = (
        f"from airflow.sdk import DAG\n\nwith DAG({code.id!r}, tags={list(code.tags)!r}, access_control={access!r}):\n"
        "    ...\n"
        if access is not None
        else f"from airflow.sdk import DAG\n\nwith DAG({code.id!r}, tags={list(code.tags)!r}):\n    ...\n"
    )
    return answer({"content": text, "dag_id": code.id, "version_number": 1, "dag_display_name": code.id})


def list_import_errors(request: Request) -> AirflowAnswer:
    request.require(request.caller.may("GET", "ImportError"))
    files = {dag.code.fileloc: dag.import_error for dag in request.state.dags.values() if dag.import_error}
    rows = [_import_error(request, n, file, text) for n, (file, text) in enumerate(sorted(files.items()), start=1)]
    return answer({"import_errors": list(request.page(rows, at_zero=0)), "total_entries": len(rows)})


def _import_error(request: Request, number: int, file: str, text: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "import_error_id": number,
        "timestamp": datetime.now(UTC).isoformat(),
        "filename": file if _three(request) else f"/dags/{file}",
        "stack_trace": f"airflow.exceptions.AirflowException: {text}\n",
    }
    return row | ({"bundle_name": "dags-folder"} if _three(request) else {})


def list_providers(request: Request) -> AirflowAnswer:
    """Airflow 2 gives them all, whatever page is asked for."""
    request.require(request.caller.may("GET", "Providers"))
    versions = {
        "common-compat": "1.23.0",
        "common-sql": "2.4.0",
        "fab": request.abilities.fab_version,
        "sqlite": "4.3.4",
    }
    rows = [_provider(request, name, version) for name, version in versions.items() if version is not None]
    given = list(request.page(rows, default=50, at_zero=0)) if _three(request) else rows
    return answer({"providers": given, "total_entries": len(rows)})


def _provider(request: Request, name: str, version: str) -> dict[str, str]:
    package = f"apache-airflow-providers-{name}"
    row = {"package_name": package, "description": f"{name} provider", "version": version}
    return row | (
        {"documentation_url": f"https://airflow.apache.org/docs/{package}/{version}"} if _three(request) else {}
    )


def _found(request: Request, dag_id: str) -> KnownDag:
    if dag_id in request.state.dags:
        return request.state.dags[dag_id]
    if _three(request):
        raise request.dialect.refuse(404, f"The Dag with ID: `{dag_id}` was not found")
    raise request.dialect.refuse(404, f"The DAG with dag_id: {dag_id} was not found", title="DAG not found")


def _dag(request: Request, dag: KnownDag) -> dict[str, Any]:
    code = dag.code
    both: dict[str, Any] = {
        "dag_id": code.id,
        "dag_display_name": code.id,
        "description": None,
        "file_token": hashlib.sha256(code.fileloc.encode()).hexdigest(),
        "fileloc": f"/dags/{code.fileloc}",
        "has_import_errors": bool(dag.import_error),
        "has_task_concurrency_limits": False,
        "is_paused": dag.paused,
        "last_expired": None,
        "last_parsed_time": dag.parsed.isoformat(),
        "max_active_runs": 16,
        "max_active_tasks": 16,
        "max_consecutive_failed_dag_runs": 0,
        "next_dagrun_data_interval_end": None,
        "next_dagrun_data_interval_start": None,
        "owners": _owners(request, code.owners),
        "timetable_description": "Never, external triggers only",
    }
    full = both | (_only_3(dag) if _three(request) else _only_2(dag))
    fields = set(request.all("fields")) if request.abilities.dag_fields != "ignored" else set()
    return {name: value for name, value in full.items() if not fields or name in fields}


def _owners(request: Request, owners: Sequence[str]) -> list[str]:
    """Airflow keeps `alice, bob` in one column; before 3.0.3 the blank stays when it is taken apart for this list."""
    return ", ".join(owners).split("," if request.abilities.owners_split else ", ") if owners else []


def _only_2(dag: KnownDag) -> dict[str, Any]:
    empty = ("last_pickled", "next_dagrun", "next_dagrun_create_after", "pickle_id", "root_dag_id", "schedule_interval")
    return dict.fromkeys(empty) | {
        "default_view": "grid",
        "is_active": not dag.stale,
        "is_subdag": False,
        "scheduler_lock": None,
        "tags": [{"name": tag} for tag in dag.code.tags],
    }


def _only_3(dag: KnownDag) -> dict[str, Any]:
    empty = ("last_parse_duration", "next_dagrun_logical_date", "next_dagrun_run_after", "timetable_summary")
    return dict.fromkeys((*empty, "allowed_run_types", "bundle_version")) | {
        "bundle_name": dag.code.bundle,
        "is_backfillable": False,
        "is_stale": dag.stale,
        "relative_fileloc": dag.code.fileloc,
        "tags": [{"name": t, "dag_id": dag.code.id, "dag_display_name": dag.code.id} for t in sorted(dag.code.tags)],
        "timetable_partitioned": False,
        "timetable_periodic": False,
    }


# --- runs and tasks ---------------------------------------------------------------------------------------------------


def list_runs(request: Request, dag_id: str) -> AirflowAnswer:
    """`~` in place of a DAG id asks for the runs of all DAGs that the caller may read."""
    one = None if dag_id == "~" else dag_id
    request.require(request.caller.may_dag("GET", one, parts=RUN))
    dags = [_found(request, one)] if one else request.state.dags.values()
    runs = [run for dag in dags if request.caller.may_one("GET", dag.code.id) for run in dag.runs]
    most = request.abilities.page_limit
    rows = request.page(runs, default=min(50, most) if _three(request) else most, at_zero=0)
    return answer({"dag_runs": list(rows), "total_entries": len(runs)} | _cursors(request))


def _cursors(request: Request) -> dict[str, None]:
    names = ("total_entries_limit", "next_cursor", "previous_cursor") if _three(request) else ()
    return dict.fromkeys(names)


def trigger(request: Request, dag_id: str) -> AirflowAnswer:
    """Make a run, which stays queued: nothing here runs tasks."""
    request.require(request.caller.may_dag("POST", dag_id, parts=RUN))
    body = request.json()
    if dag_id not in request.state.dags:
        name = "Dag" if _three(request) else "DAG"
        raise request.dialect.refuse(404, f"{name} with dag_id: '{dag_id}' not found", title="DAG not found")
    run = _run(request, dag_id, str(body.get("dag_run_id") or f"manual__{datetime.now(UTC).isoformat()}"))
    runs = request.state.dags[dag_id].runs
    if any(run["dag_run_id"] == other["dag_run_id"] for other in runs):
        raise request.dialect.refuse(
            409, f"DAGRun with DAG ID: '{dag_id}' and DAGRun ID: '{run['dag_run_id']}' already exists"
        )
    runs.append(run)
    note(request, "post_dag_run", "trigger_dag_run", dag_id)
    return answer(run)


def get_run(request: Request, dag_id: str, run_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("GET", dag_id, parts=RUN))
    return answer(_found_run(request, dag_id, run_id))


def mark_run(request: Request, dag_id: str, run_id: str) -> AirflowAnswer:
    """Set the state of a run."""
    request.require(request.caller.may_dag("PATCH", dag_id, parts=RUN))
    run = _found_run(request, dag_id, run_id)
    run |= {"state": request.json()["state"], "end_date": datetime.now(UTC).isoformat()}
    return answer(run)


def delete_run(request: Request, dag_id: str, run_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("DELETE", dag_id, parts=RUN))
    request.state.dags[dag_id].runs.remove(_found_run(request, dag_id, run_id))
    return DELETED_DAG_3 if _three(request) else DELETED


def list_tasks(request: Request, dag_id: str, run_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("GET", dag_id, parts=TASK_INSTANCE))
    run = _found_run(request, dag_id, run_id)
    return answer({"task_instances": [_task(request, run)], "total_entries": 1} | _cursors(request))


def clear_tasks(request: Request, dag_id: str) -> AirflowAnswer:
    """Nothing has run, so there is nothing to clear: what counts is who may."""
    request.require(request.caller.may_dag("PUT", dag_id, parts=TASK_INSTANCE))
    _found(request, dag_id)
    return answer({"task_instances": []} | ({"total_entries": 0} | _cursors(request) if _three(request) else {}))


def clear_run(request: Request, dag_id: str, run_id: str) -> AirflowAnswer:
    request.require(request.caller.may_dag("PUT", dag_id, parts=RUN))
    run = _found_run(request, dag_id, run_id)
    if not request.json().get("dry_run", True):
        run["state"] = "queued"
        return answer(run)
    if _three(request):
        return answer({"task_instances": [_task(request, run)], "total_entries": 1})
    task = {name: run[name] for name in ("dag_id", "dag_run_id", "execution_date")} | {"task_id": "only"}
    return answer({"task_instances": [task]})


def _found_run(request: Request, dag_id: str, run_id: str) -> dict[str, Any]:
    for run in _found(request, dag_id).runs:
        if run["dag_run_id"] == run_id:
            return run
    says = f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
    raise request.dialect.refuse(404, says if _three(request) else None, title="DAGRun not found")


def _run(request: Request, dag_id: str, run_id: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    both: dict[str, Any] = {
        "conf": {},
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "end_date": None,
        "last_scheduling_decision": None,
        "note": None,
        "run_type": "manual",
        "start_date": None,
        "state": "queued",
    }
    times = ("data_interval_start", "data_interval_end", "logical_date", "execution_date")
    if not _three(request):
        return both | dict.fromkeys(times, now) | {"external_trigger": True}
    return (
        both
        | dict.fromkeys((*times[:3], "duration", "bundle_version", "partition_key", "partition_date"))
        | {
            "dag_display_name": dag_id,
            "dag_versions": [_version(dag_id)],
            "queued_at": now,
            "run_after": now,
            "triggered_by": "rest_api",
            "triggering_user_name": request.caller.username,
        }
    )


def _version(dag_id: str) -> dict[str, Any]:
    return {
        "id": "00000000-0000-7000-8000-000000000001",
        "version_number": 1,
        "dag_id": dag_id,
        "bundle_name": "dags-folder",
        "bundle_version": None,
        "bundle_url": None,
        "created_at": "2026-01-01T00:00:00Z",
        "dag_display_name": dag_id,
    }


def _task(request: Request, run: Mapping[str, Any]) -> dict[str, Any]:
    empty = ("start_date", "end_date", "duration", "state", "queued_when", "pid", "executor", "note", "trigger")
    both: dict[str, Any] = dict.fromkeys((*empty, "rendered_map_index", "triggerer_job")) | {
        "dag_id": run["dag_id"],
        "dag_run_id": run["dag_run_id"],
        "executor_config": "{}",
        "hostname": "",
        "map_index": -1,
        "max_tries": 0,
        "operator": "BaseOperator",
        "pool": "default_pool",
        "pool_slots": 1,
        "priority_weight": 1,
        "queue": "default",
        "rendered_fields": {},
        "task_display_name": "only",
        "task_id": "only",
        "try_number": 0,
        "unixname": "airflow",
    }
    if not _three(request):
        return both | {"execution_date": run["execution_date"], "sla_miss": None}
    return both | {
        "id": "00000000-0000-7000-8000-000000000002",
        "logical_date": run["logical_date"],
        "run_after": run["run_after"],
        "scheduled_when": None,
        "operator_name": "BaseOperator",
        "dag_display_name": run["dag_id"],
        "dag_version": _version(str(run["dag_id"])),
    }
