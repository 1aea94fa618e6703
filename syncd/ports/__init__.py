"""What the order of a pass needs from the world, as small protocols; adapters implement them and know nothing else.

The desired-state database is cut by who reads it. Each method commits before it returns, threads may share a part, and
every method may raise StoreError. Times are aware, in UTC.

part      | what it keeps                                             | who reads it
Readings  | what sources said, names of groups, who is one person     | reading the sources; commands that accept
Ledger    | runs, plans, each change from its intent to its end       | passes
Leases    | who may write                                             | whoever writes to a deployment, or polls
Holdings  | what is ours                                              | passes
Installation | whether the database is the one of before       | passes; `syncd recover`
Pauses    | where nothing may be changed for a time               | whoever writes to a deployment; commands that pause
Rollouts  | which mapping files a deployment goes by              | passes; commands that answer
Places    | at which address a deployment was last worked on          | passes
Memory    | what earlier passes saw and learned of a deployment       | passes
Failures  | since when a deployment fails, how often, the next try    | passes
Looks     | what was seen last of a deployment                        | passes; commands that answer questions
Inbox     | what is held, and what people said of it                  | passes, commands, API
Claims    | what passes are about to move: limits of several deployments | passes
Past      | what sources and lists of DAGs said in the past           | commands that answer questions
Grants    | what people are given for a time                          | passes; commands, the daemon
Queries   | what people ask: audit, history, the last plan            | commands, API and pages
Records   | the journal's chain, and what of it was signed            | who signs it; `audit verify`
Presence  | replicas, alarms, uses of the API, the last good files    | the daemon
"""

from syncd.ports.break_glass import BreakGlass
from syncd.ports.claims import Claims, MovedThere, PassClaim
from syncd.ports.emit import Emit
from syncd.ports.failures import Failing, Failures
from syncd.ports.grants import Grants
from syncd.ports.holdings import Holdings
from syncd.ports.inbox import Inbox
from syncd.ports.installation import DatabaseDoubt, Installation, Recovery, Truth
from syncd.ports.journal import Journal
from syncd.ports.leases import Lease, Leases
from syncd.ports.ledger import Basis, Entries, Entry, Ledger, Unsettled
from syncd.ports.looks import Looks
from syncd.ports.memory import Memory
from syncd.ports.past import Past
from syncd.ports.pauses import Pauses
from syncd.ports.places import Place, Places
from syncd.ports.presence import AlarmKey, AlarmRow, GoodFiles, KeptAlarms, Presence, Replicas, SaidOfAlarms, Use, Uses
from syncd.ports.queries import (
    AuditFilter,
    AuditRow,
    HeldPlan,
    Holding,
    HoldingFilter,
    LastPlan,
    Queries,
    RunRecord,
)
from syncd.ports.readings import Readings, SourceHealth
from syncd.ports.records import ChainHead, Checkpointed
from syncd.ports.rollouts import Rollouts
from syncd.ports.silences import Acknowledged, Silence
from syncd.ports.source import Feed, Source
from syncd.ports.target import LastingSession, Recorder, TargetReader, TargetSession, TargetWriter

__all__ = [
    "Acknowledged",
    "AlarmKey",
    "AlarmRow",
    "AuditFilter",
    "AuditRow",
    "Basis",
    "BreakGlass",
    "ChainHead",
    "Checkpointed",
    "Claims",
    "DatabaseDoubt",
    "Emit",
    "Entries",
    "Entry",
    "Failing",
    "Failures",
    "Feed",
    "GoodFiles",
    "Grants",
    "HeldPlan",
    "Holding",
    "HoldingFilter",
    "Holdings",
    "Inbox",
    "Installation",
    "Journal",
    "KeptAlarms",
    "LastPlan",
    "LastingSession",
    "Lease",
    "Leases",
    "Ledger",
    "Looks",
    "Memory",
    "MovedThere",
    "PassClaim",
    "Past",
    "Pauses",
    "Place",
    "Places",
    "Presence",
    "Queries",
    "Readings",
    "Recorder",
    "Recovery",
    "Replicas",
    "Rollouts",
    "RunRecord",
    "SaidOfAlarms",
    "Silence",
    "Source",
    "SourceHealth",
    "TargetReader",
    "TargetSession",
    "TargetWriter",
    "Truth",
    "Unsettled",
    "Use",
    "Uses",
]
