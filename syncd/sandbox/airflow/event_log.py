"""The event log: what an Airflow notes of what people do, as measured on 2.11.2 and 3.3.2.

It has what is done with DAGs, by whom, and every command of Airflow's own command line, with the user of the operating system.
It has nothing of roles and accounts that are edited in the web interface or by the API, and no sign-ins.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from syncd.sandbox.airflow.answers import AirflowAnswer, answer
from syncd.sandbox.airflow.request import Request

_PARAMETERS_2 = (
    *("limit", "offset", "order_by", "dag_id", "task_id", "run_id", "map_index", "try_number"),
    *("event", "owner", "before", "after", "included_events", "excluded_events"),
)


def list_events(request: Request) -> AirflowAnswer:
    request.known_parameters(*_PARAMETERS_2)
    request.require(request.caller.may("GET", "Audit Logs"))
    chosen = [row for row in request.state.events if _chosen(request, row)]
    if (request.one("order_by") or "").startswith("-"):
        chosen.reverse()
    rows = request.page(chosen, default=50 if request.abilities.generation == 3 else None, at_zero=0)
    return answer({"event_logs": list(rows), "total_entries": len(chosen)})


def _chosen(request: Request, row: dict[str, Any]) -> bool:
    only, owner, after = request.all("included_events"), request.one("owner"), request.one("after")
    if request.abilities.generation == 2:
        only = only[-1].split(",") if only else ()  # of several it takes the last
    return (
        (not only or row["event"] in only)
        and (owner is None or row["owner"] == owner)
        and (after is None or datetime.fromisoformat(row["when"]) > datetime.fromisoformat(after))
    )


def note(request: Request, event_2: str, event_3: str, dag_id: str) -> None:
    """Take down what a caller did with a DAG, under the name that each generation has for it."""
    event = event_3 if request.abilities.generation == 3 else f"api.{event_2}"
    request.state.log(event, request.caller.username or "anonymous", at=datetime.now(UTC), dag_id=dag_id)
