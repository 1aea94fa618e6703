"""A toy: a sheet, one file of people and roles, as a target.

docs/adding-a-target.md shows it. It is made as a package of `syncd/targets` is; the tests put it there, in a copy.
"""

from syncd.targets.kind import TargetKind

from .table import SheetSettings, SheetTable
from .target import DIALECT, SheetTarget, described, examine

KIND = TargetKind(
    name="sheet",
    table=SheetTable,
    open=lambda _name, settings, around, _known: SheetTarget(settings, around),
    examine=examine,
    described=described,
    figures=lambda learned: dict(described(learned)),
    dialect=lambda _learned: DIALECT,
    slow_down=lambda _learned: "",
)

__all__ = ["KIND", "SheetSettings", "SheetTarget"]
