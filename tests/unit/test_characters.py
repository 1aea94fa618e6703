"""Two names that a reader cannot tell apart are never two names in silence."""

from __future__ import annotations

import pytest
from mapping_world import ANN, compiled, directory, grants, group, notes

from syncd.errors import InvalidInput, MappingInvalid
from syncd.mapping.inventory import Inventory
from syncd.mapping.parse import parse
from syncd.model import At, Dag, DagSelector, DesiredState, Level, Rules, drawn, nfc
from syncd.sources.entra import GroupSelection
from syncd.sources.okta import GroupFilter
from syncd.targets.airflow.naming import NAMING
from syncd.text.characters import unseen

COMPOSED, PARTED = "Pr\u00fcfung", "Pru\u0308fung"
UNSEEN = {
    "Admin\u200b": "U+200B (zero width space)",
    "\ufeffAdmin": "U+FEFF (zero width no-break space)",
    "fin\u202enimda": "U+202E (right-to-left override)",
    "Op\u00ad": "U+00AD (soft hyphen)",
    "finance\u00a0team": "U+00A0 (no-break space)",
    "finance\u2009team": "U+2009 (thin space)",
    "\u3164": "U+3164 (hangul filler)",
    "a\u2800": "U+2800 (braille pattern blank)",
    "a\ue000": "U+E000",
    "a\ufffe": "U+FFFE",
    "a\u200db": "U+200D (zero width joiner)",
}


@pytest.mark.finding("A-F13")
@pytest.mark.finding("C-34")
@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_sees_is_named_by_its_code(name: str) -> None:
    assert UNSEEN[name] == unseen(name)


@pytest.mark.parametrize(
    "name",
    [
        "finance team",
        "Prüfung",
        PARTED,
        "日本",
        "мир",
        "مدير",
        "👩\u200d💻 devs",
        "❤\ufe0f",
        "d\u2019Arc",
        "a_b-c.d/e",
        "x²",
    ],
)
def test_what_people_write_is_taken(name: str) -> None:
    assert "" == unseen(name)


@pytest.mark.parametrize(
    ("text", "is_refused"), [("a\u00a0b", False), ("a\u200cb", False), ("a\u202eb", True), ("a\x07", True)]
)
def test_free_text_may_have_what_turns_nothing_around(text: str, is_refused: bool) -> None:
    assert is_refused == bool(unseen(text, free=True))


def _mapping(**changes: str) -> str:
    words = {
        "role": "fin",
        "group": "people:crew",
        "label": "env",
        "value": "prod",
        "tag": "t",
        "owner": "o",
        **changes,
    }
    return """
roles:
  "{role}":
    dags: [{{level: view, tag: "{tag}"}}, {{level: view, owner: "{owner}"}}]
bindings:
  - {{group: "{group}", roles: ["{role}"], deployments: {{"{label}": "{value}"}}}}
""".format(**words)


def _parsed(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


@pytest.mark.finding("A-F13")
@pytest.mark.finding("C-34")
@pytest.mark.parametrize("where", ["role", "group", "label", "value", "tag", "owner"])
@pytest.mark.parametrize("name", ["fin\u200b", "fin\u00a0x", "fin\u202ex"])
def test_a_mapping_with_a_name_that_nobody_can_read_is_refused(where: str, name: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        _parsed(_mapping(**{where: f"people:{name}" if where == "group" else name}))

    assert f"U+{ord(name[3]):04X} (" in str(caught.value)
    assert "nobody can see; take it out" in str(caught.value)


@pytest.mark.finding("A-F13")
def test_a_reason_may_not_be_turned_around() -> None:
    with pytest.raises(MappingInvalid, match=r"`reason` has the character U\+202E"):
        _parsed(_mapping().replace("deployments:", 'reason: "fin\u202enimda", deployments:'))


@pytest.mark.finding("A-F13")
@pytest.mark.finding("C-34")
@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (COMPOSED, PARTED, "is defined twice"),
        ("Finance", "FINANCE", "only in case"),
        ("Finance", "Ｆｉｎａｎｃｅ", "looks like"),
        ("crew", "сrew", "looks like"),
    ],
)
def test_two_roles_that_look_alike_are_refused(first: str, second: str, says: str) -> None:
    text = f"roles:\n  {first}: {{permissions: [can_read on Pools]}}\n  {second}: {{permissions: [can_read on Jobs]}}\n"
    with pytest.raises(InvalidInput, match="is here twice" if says == "is defined twice" else says):
        _parsed(text)
    one, _, other = text.partition(f"  {second}")
    with pytest.raises(MappingInvalid, match=says):
        parse({"a.yaml": one.encode(), "b.yaml": f"roles:\n  {second}{other}".encode()}, namings=[NAMING])


@pytest.mark.finding("A-F13")
@pytest.mark.parametrize("name", ["Ａｄｍｉｎ", "Аdmin", "Vıewer", "Ор", "Uѕеr"])
def test_a_role_that_looks_like_a_built_in_one_is_refused(name: str) -> None:
    assert "looks like the built-in role" in NAMING.role_problem(name)


def test_what_looks_like_nothing_else_is_taken() -> None:
    assert ["", "", ""] == [NAMING.role_problem(name) for name in ("Администратор", "Prüfer", "日本")]
    assert drawn("Ор") == "op"


# --- equal in another form --------------------------------------------------------------------------------------------


def _bound(name: str, called: str) -> DesiredState:
    mapping = f'bindings:\n  - {{group: "people:{name}", roles: [Viewer], deployments: all}}\n'
    return compiled(mapping, directory([ANN], group(called, "ann", identifier="g1")))


@pytest.mark.finding("C-34")
@pytest.mark.parametrize(("called", "name"), [(COMPOSED, PARTED), (PARTED, COMPOSED), (PARTED, PARTED)])
def test_a_group_is_found_in_whichever_form_its_name_is_written(called: str, name: str) -> None:
    desired = _bound(name, called)
    assert {("ann", "Viewer")} == grants(desired)
    assert [] == notes(desired)


@pytest.mark.finding("C-34")
@pytest.mark.parametrize("called", ["fin\u200bance", "finance\u00a0", "fin\u00a0ance", "fіnаnсe", "Finance"])
def test_a_missing_group_is_told_with_the_one_that_looks_like_it(called: str) -> None:
    wanted = "fin ance" if "n\u00a0" in called else "finance"
    [note] = notes(_bound(wanted, called))
    assert "there is no group people:fin" in note
    assert "; g1 has a name that looks like it: write {source: people, id: g1}" in note


@pytest.mark.finding("C-34")
@pytest.mark.parametrize("form", [COMPOSED, PARTED])
@pytest.mark.parametrize("wanted", [COMPOSED, PARTED])
def test_a_dag_is_chosen_in_whichever_form_its_words_are_written(form: str, wanted: str) -> None:
    dag = Dag(form, frozenset({form}), frozenset({form}))
    inventory = Inventory([dag, Dag("other")])
    at = At("m.yaml", 1, 1)
    for chosen in (
        DagSelector(Level.VIEW, at, ids=(nfc(wanted),)),
        DagSelector(Level.VIEW, at, ids=(f"{nfc(wanted)[:4]}*",)),
        DagSelector(Level.VIEW, at, tags=(nfc(wanted),)),
        DagSelector(Level.VIEW, at, owners=(nfc(wanted),)),
    ):
        assert {form} == inventory.matching(chosen)


@pytest.mark.finding("C-34")
@pytest.mark.parametrize("form", [COMPOSED, PARTED])
@pytest.mark.parametrize("wanted", [COMPOSED, PARTED])
def test_a_group_is_selected_in_whichever_form_its_name_is_written(form: str, wanted: str) -> None:
    assert GroupFilter(names=(wanted,)).takes("id", form, "OKTA_GROUP")
    assert GroupFilter(prefixes=(wanted,)).takes("id", f"{form}-1", "OKTA_GROUP")
    assert GroupSelection("name", wanted).picks("id", form)
    assert GroupSelection("prefix", wanted).picks("id", f"{form}-1")
