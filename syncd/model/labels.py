"""What a binding asks of the labels of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAME: Final = "name"
"""The label that every deployment has: its own name."""


@dataclass(frozen=True, slots=True)
class LabelTest:
    """What one label has to be. As in Kubernetes, what is not there is none of the values that are refused.

    written              | a deployment with the label     | one without it
    ---------------------|---------------------------------|---------------
    prod, [prod, dev]    | one of these values (`among`)   | no
    {in: [prod, dev]}    | the same                        | no
    {not: [prod, dev]}   | none of these values (`but`)    | yes
    {exists: true}       | yes                             | no
    {exists: false}      | no                              | yes

    Where several are written, all of them have to hold.
    """

    label: str
    among: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    exists: bool | None = None

    def accepts(self, value: str | None) -> bool:
        """Say whether a deployment with this value of the label, None for none, is one of those that are meant."""
        if self.exists is not None and self.exists != (value is not None):
            return False
        return value not in self.but and (self.among is None or value in self.among)

    @property
    def words(self) -> frozenset[str]:
        """Every value that is written in it."""
        return self.but | (self.among or frozenset())

    @property
    def is_vain(self) -> bool:
        """Whether no deployment can be meant, whatever labels it has."""
        if self.among is None:
            return self.exists is False and self.label == NAME
        return self.exists is False or self.among <= self.but
