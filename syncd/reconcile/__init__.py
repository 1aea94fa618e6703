"""The order of one pass: read, compile, observe, diff, guard, record, apply, read back.

Everything that decides is a pure function called from here; everything that touches the world comes in through a port.
The command line and the daemon call the same functions:

`fleet`       plan and apply, over every deployment
`deployment`  one pass over one deployment: the file to read first
`look`        what is wanted, what is there, and what follows from the two
`make`        the changes, one by one
`settle`      what earlier passes left open
`report`      what came of it
`grants`      what people are given for a time
`rollout`     by which mapping files a pass goes, where changes come in waves
`strangers`   names in an order that nobody has
"""

from syncd.reconcile.deployment import one_pass
from syncd.reconcile.directory import read_directory
from syncd.reconcile.fleet import Rollback, apply, plan, require_holds, roll_back
from syncd.reconcile.grants import ITSELF, end_grants
from syncd.reconcile.report import DeploymentReport, Report
from syncd.reconcile.request import Between, PassRequest, Within
from syncd.reconcile.rollout import revisions_had
from syncd.reconcile.strangers import strangers
from syncd.reconcile.world import Alone, Target, World

__all__ = [
    "ITSELF",
    "Alone",
    "Between",
    "DeploymentReport",
    "PassRequest",
    "Report",
    "Rollback",
    "Target",
    "Within",
    "World",
    "apply",
    "end_grants",
    "one_pass",
    "plan",
    "read_directory",
    "require_holds",
    "revisions_had",
    "roll_back",
    "strangers",
]
