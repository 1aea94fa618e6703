"""What the tables of deployments have in common, whatever kind of target each is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator

from syncd.fields import Names, SettingsTable, Span, Text
from syncd.mapping.accounts import template_problem
from syncd.model import Naming
from syncd.plan.limits import GuardRules, Limits

_LIMITS, _GUARD = Limits(), GuardRules()


def _label_name(name: str) -> str:
    if name == "name":
        raise ValueError("the label `name` is the name of the deployment by itself; leave it out")
    return name


LabelName = Annotated[Text, AfterValidator(_label_name)]


class LimitsTable(SettingsTable):
    """How much may be taken away, and given, on one deployment within an hour without a person's approval; what is more is
    held. The first pass over everything gives whatever the mapping says."""

    removals: int = Field(default=_LIMITS.removals, ge=0)
    """People who lose a role, accounts or roles that are deleted, each kind counted by itself; above this many, held."""
    share: float = Field(default=_LIMITS.share, ge=0, le=1)
    """The part, 0 to 1, of the people, accounts, roles or permissions that syncd manages there; above it, held."""
    floor: int = Field(default=_LIMITS.floor, ge=0)
    """Up to this many of a kind pass whatever the share, so that small deployments can change at all; but more than half of
    the people is held, save one, or two of three."""
    permissions: int = Field(default=_LIMITS.permissions, ge=0)
    """Permissions that roles lose; above this many, held."""
    permission_floor: int = Field(default=_LIMITS.permission_floor, ge=0)
    """Up to this many lost permissions pass whatever the share."""
    gains: int = Field(default=_LIMITS.gains, ge=0)
    """People who gain a role that was not theirs by syncd before; above this many, held."""
    gain_share: float = Field(default=_LIMITS.gain_share, ge=0, le=1)
    """The part, 0 to 1, that those who gain a role are of the people that syncd manages there by then, and that new rights are of
    all the rights that these have; above it, held."""
    gain_floor: int = Field(default=_LIMITS.gain_floor, ge=0)
    """Up to this many people gain a role whatever the share, so that small deployments can grow at all."""
    rights: int = Field(default=_LIMITS.rights, ge=0)
    """Rights that people gain, by new roles or by what comes into roles that they have: one permission of one person each, one on
    every DAG for each DAG; above this many, held. DAGs that are new count only for who gains a role."""
    right_floor: int = Field(default=_LIMITS.right_floor, ge=0)
    """Up to this many rights are given whatever the share."""
    lost_rights: int = Field(default=_LIMITS.lost_rights, ge=0)
    """Rights that people lose, counted as above; above this many, or above `share` of all the rights that they have, held."""
    lost_right_floor: int = Field(default=_LIMITS.lost_right_floor, ge=0)
    """Up to this many rights are lost whatever the share."""
    approvers: int = Field(default=_LIMITS.approvers, ge=1, le=2)
    """How many people have to let pass what is held, 1 or 2; the second is another person than the first, whatever name they say
    they act under."""


class GuardTable(SettingsTable):
    """What does not pass on one deployment without a person's approval, however little it is."""

    unmarked: Literal["give", "hold"] = "hold"
    """What becomes of a role that administers (`Admin`, `Op`, and any that can change users, roles, connections or variables)
    where neither the line that gives it nor the role says `privileged: true`. `hold`: who does not have it yet gets it when
    somebody approves it. `give`: at once."""
    min_admins: int = Field(default=_GUARD.min_admins, ge=0)
    """So many accounts stay `Admin`, not counting the one that syncd uses: what would leave fewer is held."""
    required_admins: Names = ()
    """User names that stay `Admin`: what would take it from one of them is held, and that one of them is not `Admin` is told."""
    protected_roles: Names = ()
    """Roles that are never given, taken, changed or deleted, nor any that a database may take for one of them."""


class RateLimitTable(SettingsTable):
    """How often a deployment is called at most. A server that slows down or says so is called less often by itself."""

    calls_per_s: float = Field(default=10.0, ge=0.1, le=1000)
    """Calls in a second, in the long run."""
    burst: int = Field(default=20, ge=1, le=10000)
    """Calls at once after a quiet time."""


class DeploymentTable(SettingsTable):
    """What can be said of a deployment of any kind. A kind adds its `type`, its `naming`, and how a deployment is reached.

    `address_key` is the key that tells two deployments apart: no two have the same there. Empty: there is none.
    """

    naming: ClassVar[Naming]
    address_key: ClassVar[str] = ""

    type: str
    """What kind of target it is."""
    mode: Literal["observe", "add-only", "enforce", "full"] = "observe"
    """`observe` plans and changes nothing; `add-only` gives, and takes nothing; `enforce` applies (`full` is another word for
    it). A new deployment is observed until you say otherwise. A role of a mapping file can have a mode of its own."""
    labels: dict[LabelName, Text] = Field(default={})
    """Words of yours that bindings choose deployments by, as in `env = "prod"`. The label `name` is the name above."""
    username: Text = "{login}"
    """How accounts are named: a template of `{id}`, `{login}` and `{email}`. It must give the name that your single
    sign-on gives, or the account is not found: `okta_{id}` for Okta and `{id}` for Entra, as Airflow is delivered."""
    login_source: Text | None = None
    """The source that people log in with here: its identity fills in `username`, and who is inactive there has nothing. It has
    to read a group that everybody is in. If nothing is said: for each person the first source in `join.precedence` that
    knows them."""
    match_email: bool = False
    """Whether a person without an account of that name is looked for by e-mail, and that account used."""
    leavers: Literal["keep", "delete"] = "keep"
    """What happens to accounts made by syncd when nothing is left to them: all roles go first, and then the account stays
    empty (`keep`) or is deleted (`delete`). Deleting is impossible for some accounts on Airflow 2."""
    manual_grants: Literal["keep", "remove"] = "keep"
    """What happens to people who hold a role of syncd's by somebody else's hand: nothing (`keep`), or they lose it. A role of
    a mapping file can say otherwise (`exclusive`)."""
    adopt: Literal["never", "matching", "declared"] = "matching"
    """What syncd makes its own of what it finds: nothing, what is just as the mapping says, or also every role that a
    mapping file defines, whatever it holds now. Only what is its own is ever taken away."""
    dag_grace: Span = "24h"
    """How long roles keep what they have on a DAG that is not listed any more; a changed tag or owner is followed at once."""
    protected: Names = ()
    """User names that are never touched, nor any that a database may take for one of them (letter case, accents, width). The
    account that syncd uses need not be named."""
    break_glass: Names = ()
    """Accounts for emergencies, by user name: protected like those above, and each use of one is noticed at the next look at
    everything (after `[daemon] sweep` at the latest), told (alarm `break_glass_used`) and written into the journal."""
    limits: LimitsTable = Field(default=LimitsTable())
    """Other limits for this deployment; what is not written is as in `[limits]`."""
    guard: GuardTable = Field(default=GuardTable())
    """Other rules for this deployment; what is not written is as in `[guard]`."""
    rate_limit: RateLimitTable = Field(default=RateLimitTable())
    """How often it is called at most, by the daemon."""

    @classmethod
    def naming_of(cls, tables: Iterable[Self]) -> Naming:
        """Give the rules of names of all deployments of this kind together: mapping files are for all of them."""
        del tables
        return cls.naming

    def settings(self) -> Any:
        """Give what a session takes to reach it: frozen, the same for the same table, with an `address`."""
        raise NotImplementedError

    @field_validator("username")
    @classmethod
    def _template(cls, template: str) -> str:
        if problem := template_problem(template, cls.naming):
            raise ValueError(problem)
        return template
