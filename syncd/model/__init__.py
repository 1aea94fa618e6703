"""The nouns of a sync: frozen values that every other module passes around.

Nothing here reads, writes, logs or knows the time. Methods only derive. Mappings are never changed after they were
handed to a value. Only the standard library is used.
"""

from syncd.model.abilities import Learned
from syncd.model.check_result import CLOCK_SKEW_S, CheckResult
from syncd.model.deployment import Adopt, BuiltIn, Dag, Deployment, Dialect, Role, User, VanishedDag
from syncd.model.labels import LabelTest
from syncd.model.look import LastSeen, Sighting
from syncd.model.named import FoundPerson, PersonRef
from syncd.model.names import Lookalikes, drawn, key, nfc, skeletons
from syncd.model.naming import Naming, permission_on
from syncd.model.notes import Note
from syncd.model.people import (
    BY_EMAIL,
    Certificate,
    Directory,
    Doubt,
    Group,
    Identity,
    Joining,
    JoinKey,
    KnownPersons,
    Members,
    Person,
    PersonKey,
    Snapshot,
)
from syncd.model.plan import Awaited, Change, Held, Kept, Kind, Loss, Outcome, Plan, Status, What, Why, digest
from syncd.model.rules import At, Base, DagSelector, Level, Permission, RoleDefinition, Rule, Rules
from syncd.model.state import EVERYTHING, DesiredState, Doubted, Grant, MadeAccount, ObservedState, Owned, Reason, Scope
from syncd.model.subjects import (
    EVERYONE,
    Accounts,
    AllOf,
    AnyOf,
    Everyone,
    GroupRef,
    Leaf,
    Subject,
    Without,
    alternatives,
    givers,
    leaves,
    people_named,
)
from syncd.model.windows import DAYS, WeeklyWindow

__all__ = [
    "BY_EMAIL",
    "CLOCK_SKEW_S",
    "DAYS",
    "EVERYONE",
    "EVERYTHING",
    "Accounts",
    "Adopt",
    "AllOf",
    "AnyOf",
    "At",
    "Awaited",
    "Base",
    "BuiltIn",
    "Certificate",
    "Change",
    "CheckResult",
    "Dag",
    "DagSelector",
    "Deployment",
    "DesiredState",
    "Dialect",
    "Directory",
    "Doubt",
    "Doubted",
    "Everyone",
    "FoundPerson",
    "Grant",
    "Group",
    "GroupRef",
    "Held",
    "Identity",
    "JoinKey",
    "Joining",
    "Kept",
    "Kind",
    "KnownPersons",
    "LabelTest",
    "LastSeen",
    "Leaf",
    "Learned",
    "Level",
    "Lookalikes",
    "Loss",
    "MadeAccount",
    "Members",
    "Naming",
    "Note",
    "ObservedState",
    "Outcome",
    "Owned",
    "Permission",
    "Person",
    "PersonKey",
    "PersonRef",
    "Plan",
    "Reason",
    "Role",
    "RoleDefinition",
    "Rule",
    "Rules",
    "Scope",
    "Sighting",
    "Snapshot",
    "Status",
    "Subject",
    "User",
    "VanishedDag",
    "WeeklyWindow",
    "What",
    "Why",
    "Without",
    "alternatives",
    "digest",
    "drawn",
    "givers",
    "key",
    "leaves",
    "nfc",
    "people_named",
    "permission_on",
    "skeletons",
]
