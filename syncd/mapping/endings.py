"""What ended, where a line gave a person a role and gives it no more: asked of the rules and the directory of now.

the line                            | its group    | the person                   | then
------------------------------------|--------------|------------------------------|--------------------------------------
is gone, or not for this deployment | any          | any                          | no line gives it here any more
was a timed grant, and is gone      | any          | is active                    | the grant ended
is over                             | any          | any                          | the binding ended
gives nothing at this hour          | any          | any                          | the hours of the binding are over for now
is there                            | is not there | any                          | the group is gone
is there                            | is there     | is inactive                  | the person was deactivated
is there                            | is there     | is not in it, and known      | they left the group
is there                            | is there     | is not in it, and not known  | in no group that is read, or deleted
is there                            | is there     | is in it, which is enough    | their account has another name now
is there, and asks for more         | is there     | is in it                     | the line leaves them out now
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.mapping.select import chooses
from syncd.mapping.when import is_on, is_over
from syncd.model import (
    Accounts,
    Deployment,
    Directory,
    FoundPerson,
    Leaf,
    Reason,
    Rule,
    Rules,
    What,
    alternatives,
    givers,
    is_place_of_grant,
    people_named,
)

NOBODY = FoundPerson()


@dataclass(frozen=True, slots=True)
class Endings:
    """Tells what ended for the people of one deployment; `whose` says, by account, who they were."""

    rules: Rules
    directory: Directory
    deployment: Deployment
    whose: Mapping[str, tuple[tuple[str, str], ...]]
    now: datetime

    def of(self, account: str, role: str, reason: Reason) -> What:
        """Say what ended of a reason for which an account held a role."""
        lines = [rule for rule in self.rules.bindings if self._gave(rule, role, reason)]
        if not lines:
            return self._of_grant(reason) if is_place_of_grant(reason.at) else What.LINE_GONE
        if all(is_over(rule, self.now) for rule in lines):
            return What.BINDING_ENDED
        if not any(is_on(rule, self.now) for rule in lines):
            return What.NOT_NOW
        if not reason.source or any(self._names(rule, reason) for rule in lines):
            return self._of_named(reason)
        is_enough = any(self._means(part, reason) for rule in lines for part in _alone(rule))
        return self._of_person(self.whose.get(account, ()), reason, is_enough=is_enough)

    def _of_grant(self, reason: Reason) -> What:
        """Say what ended of a role that was given for a time."""
        identity = self.directory.identities.get((reason.source, reason.group_id))
        if identity is None:
            return What.NOT_KNOWN
        return What.GRANT_ENDED if identity.active else What.DEACTIVATED

    def _of_person(self, who: tuple[tuple[str, str], ...], reason: Reason, *, is_enough: bool) -> What:
        group = self.directory.groups.get((reason.source, reason.group_id))
        known = [identity for one in who if (identity := self.directory.identities.get(one))]
        if group is None:
            return What.GROUP_GONE
        if any(not identity.active for identity in known):
            return What.DEACTIVATED
        if any(source == reason.source and id_ in group.members for source, id_ in who):
            return What.RENAMED if is_enough else What.LEFT_OUT
        if any(identity.source == reason.source for identity in known):
            return What.LEFT_GROUP
        return What.NOT_KNOWN if who else What.NOT_GIVEN

    def _gave(self, rule: Rule, role: str, reason: Reason) -> bool:
        if isinstance(rule.subject, Accounts):
            is_meant = not reason.source and reason.group_id in rule.subject.names
        else:
            is_meant = any(self._means(group, reason) for group in givers(rule.subject)) or self._names(rule, reason)
        return role in rule.roles and is_meant and chooses(rule, self.deployment)

    def _of_named(self, reason: Reason) -> What:
        """Say what ended for somebody whom the line names itself."""
        identity = self.directory.identities.get((reason.source, reason.group_id))
        if identity is None:
            return What.NOT_KNOWN if reason.source else What.NOT_GIVEN
        return What.LEFT_OUT if identity.active else What.DEACTIVATED

    def _names(self, rule: Rule, reason: Reason) -> bool:
        """Say whether a reason is that the line names somebody."""
        who = reason.source, reason.group_id
        refs = people_named(rule.subject, giving=True)
        return any(
            ref.id == who[1] if ref.id else ref.name == reason.group or who in self.directory.named.get(ref, NOBODY).who
            for ref in refs
            if ref.source in {"", reason.source}
        )

    def _means(self, group: Leaf, reason: Reason) -> bool:
        if group.source != reason.source:
            return False
        if group.id is not None:
            return group.id == reason.group_id
        pinned = self.directory.names.get((group.source, group.name or ""))
        return reason.group_id == pinned or reason.group == group.name


def _alone(rule: Rule) -> Iterator[Leaf]:
    """Give the groups of which to be in one is enough."""
    return (part for part in alternatives(rule.subject) if isinstance(part, Leaf))
