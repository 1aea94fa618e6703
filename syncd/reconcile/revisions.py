"""The mapping files in use, and those before them that deployments go by while new ones reach the fleet in waves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from syncd.errors import MappingInvalid, Problem, SyncdError
from syncd.mapping.revisions import revision_of, says_the_same, together
from syncd.model import Deployment, RolloutRecord, RolloutRow, Rules, WaveOrder
from syncd.plan.waves import WaveStanding, shown, stand


@dataclass(frozen=True, slots=True)
class MappingRevisions:
    """The mapping files in use, those before them that deployments still go by, and in which order the new ones come.

    What is known of older revisions is kept by their hash, for as long as this reading of the configuration is in use.
    """

    order: WaveOrder
    revision: str
    files: Mapping[str, bytes]
    rules: Rules
    deployments: tuple[Deployment, ...]
    read: Callable[[str], Mapping[str, bytes] | None]
    """Gives the files of a revision, as the database has them."""
    parse: Callable[[Mapping[str, bytes]], Rules]
    _older: dict[str, Rules] = field(default_factory=dict, compare=False, repr=False)
    _same: dict[tuple[str, str], bool] = field(default_factory=dict, compare=False, repr=False)
    _parsing: Lock = field(default_factory=Lock, compare=False, repr=False)

    def rules_of(self, revision: str) -> Rules:
        """Give what the files of a revision say.

        Raises:
            SyncdError: they are lost, or cannot be used with the configuration as it is now.
        """
        if revision in ("", self.revision):
            return self.rules
        if (known := self._older.get(revision)) is not None:
            return known
        files = self.files_of(revision)
        with self._parsing:
            return self._older.setdefault(revision, self.parse(files))

    def files_of(self, revision: str) -> Mapping[str, bytes]:
        """Give the files of a revision.

        Raises:
            SyncdError: they are lost, or are others than their hash says.
        """
        if revision == self.revision:
            return self.files
        files = self.read(revision)
        if files is None:
            raise SyncdError(
                f"the mapping files of revision {shown(revision)} are not in the database any more, and a deployment goes "
                "by them; let it have those of now: syncd rollout skip --reason TEXT"
            )
        if revision_of(files) != revision:
            raise SyncdError(
                f"the mapping files of revision {shown(revision)} in the database are not what their hash says: they were "
                "edited or are damaged, and a deployment goes by them; let it have those of now: syncd rollout skip --reason TEXT"
            )
        return files

    def recall(self, record: RolloutRecord) -> None:
        """Read the older revisions that deployments go by until it is their turn. Of one that is lost or damaged nothing is said
        here: whose pass goes by it is told.

        Raises:
            SyncdError: one cannot be used; says what to do.
        """
        for one in self.standing(record).waiting:
            try:
                self.rules_of(one.revision)
            except MappingInvalid as error:
                why = (
                    f"{one.deployment} goes by mapping revision {shown(one.revision)} until it is its turn in the rollout, and "
                    f"that cannot be used with this configuration; correct the configuration, or let it have the files of "
                    f"now: syncd rollout skip -d {one.deployment} --reason TEXT"
                )
                raise MappingInvalid([Problem("rollout", 0, 0, why), *error.problems]) from None
            except SyncdError:
                continue

    @property
    def every(self) -> Rules:
        """What any revision in use asks of the sources."""
        return together(self.rules, self._older.values())

    def standing(self, record: RolloutRecord) -> WaveStanding:
        """Say how the rollout stands."""
        there = ((each, record.rows.get(each.name)) for each in self.deployments)
        same = {each.name for each, row in there if row is not None and self.is_same(each, row)}
        return stand(self.order, self.deployments, record, revision=self.revision, same=same)

    def is_same(self, deployment: Deployment, row: RolloutRow) -> bool:
        """Say whether the files of now say nothing else for a deployment than those that it goes by."""
        revision = row.revision
        if revision == self.revision:
            return True
        asked = deployment.name, revision
        if asked not in self._same:
            try:
                self._same[asked] = says_the_same(self.rules_of(revision), self.rules, deployment)
            except SyncdError:  # who goes by it is told; here it is another one
                return False
        return self._same[asked]
