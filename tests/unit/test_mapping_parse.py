"""What mapping files mean, and the places that problems point at. Messages word for word are in tests/golden/mapping."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import MappingInvalid, Problem
from syncd.mapping.doubtful import doubtful
from syncd.mapping.parse import parse
from syncd.mapping.patterns import MOST_REGEXES
from syncd.model import At, DagSelector, GroupRef, LabelTest, Level, Permission, RoleDefinition, Rule, Rules
from syncd.targets.airflow.naming import NAMING

EXAMPLES = Path(__file__).parents[2] / "mappings"
REFERENCE = Path(__file__).parents[2] / "docs" / "mapping.md"

WHOLE = """\
roles:
  finance-analyst:
    description: |
      Looks at
      the finance DAGs
    dags:
      - level: view
        id: "fin_*"
        tag: [finance, daily]
        owner: fin-team
      - level: edit
        id: [a, "b[0-9]"]
    permissions: ["can_read on Pools", menu_access on Browse on Top]
bindings:
  - group: people:finance
    roles: [finance-analyst, Viewer]
    deployments: {env: prod, region: [eu, us]}
    until: 2027-01-31
    reason: FIN-123
  - group: {source: okta, id: 00g1, name: "Finance: all"}
    roles: [Op]
    deployments: all
"""


def parsed(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(MappingInvalid) as caught:
        parse({"m.yaml": text.encode() if isinstance(text, str) else text}, namings=[NAMING])
    return [str(p) for p in caught.value.problems]


def binding(extra: str = "", *, group: str = "people:finance", deployments: str = "all") -> Rule:
    text = f"bindings:\n  - group: {group}\n    roles: [Viewer]\n    deployments: {deployments}\n{extra}"
    return parsed(text).bindings[0]


def test_every_key_has_its_place_in_the_rules() -> None:
    role = RoleDefinition(
        "finance-analyst",
        "Looks at\nthe finance DAGs\n",
        (
            DagSelector(Level.VIEW, At("m.yaml", 7, 9), ("fin_*",), ("finance", "daily"), ("fin-team",)),
            DagSelector(Level.EDIT, At("m.yaml", 11, 9), ("a", "b[0-9]")),
        ),
        (
            (Permission("can_read", "Pools"), At("m.yaml", 13, 19)),
            (Permission("menu_access", "Browse on Top"), At("m.yaml", 13, 40)),
        ),
        At("m.yaml", 2, 3),
    )
    first = Rule(
        GroupRef("people", name="finance"),
        ("finance-analyst", "Viewer"),
        (LabelTest("env", frozenset({"prod"})), LabelTest("region", frozenset({"eu", "us"}))),
        At("m.yaml", 15, 5),
        datetime(2027, 2, 1, tzinfo=UTC),
        "FIN-123",
    )
    second = Rule(GroupRef("okta", "00g1", "Finance: all"), ("Op",), (), At("m.yaml", 20, 5))

    assert Rules({"finance-analyst": role}, (first, second)) == parsed(WHOLE)


def test_the_examples_are_right() -> None:
    rules = parse(
        {str(path.relative_to(EXAMPLES)): path.read_bytes() for path in EXAMPLES.rglob("*.yaml")},
        sources=frozenset({"okta", "entra", "people"}),
        namings=[NAMING],
    )

    assert {"finance", "marketing", "platform"} == {name.partition("-")[0] for name in rules.roles}
    assert {"finance/roles.yaml", "marketing/access.yaml", "platform.yaml"} == {r.at.file for r in rules.roles.values()}


def test_the_whole_examples_of_the_reference_are_right() -> None:
    blocks = [block for block in REFERENCE.read_text().split("```yaml\n")[1:] if block.startswith("roles:")]
    texts = [block.partition("```")[0] for block in blocks]

    assert [
        ["finance-analyst"],
        ["finance-operator", "finance-reader"],
        ["finance-user"],
        ["secrets-keeper"],
        ["{team}-{level}"],
        ["{folder}-reader"],
        ["fin-reader", "fin-reader-pools"],
    ] == [sorted({**rules.roles, **rules.templates}) for rules in map(parsed, texts)]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2027-01-31", datetime(2027, 2, 1, tzinfo=UTC)),
        ('"2028-02-29"', datetime(2028, 3, 1, tzinfo=UTC)),
        ("2027-01-31T18:00:00Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31T18:00:00+01:00", datetime(2027, 1, 31, 17, tzinfo=UTC)),
        ("2027-01-31 18:00:00 -02:30", datetime(2027, 1, 31, 20, 30, tzinfo=UTC)),
        ('"2027-01-31T18:00z"', datetime(2027, 1, 31, 18, tzinfo=UTC)),
    ],
)
def test_until_is_the_end_of_a_day_in_utc_or_a_moment(until: str, expected: datetime) -> None:
    found = binding(f"    until: {until}\n").until

    assert (expected, UTC) == (found, found and found.tzinfo)


@pytest.mark.parametrize("word", ["no", "on", "yes", "12:30", '"1"', "o'clock", '"*"', "12e"])
def test_words_that_yaml_1_1_would_change_stay_words(word: str) -> None:
    plain = word.strip('"')
    assert (LabelTest("env", frozenset({plain})),) == binding(deployments=f"{{env: {word}}}").deployments


def test_only_the_first_colon_divides_source_and_group() -> None:
    assert GroupRef("people", name="a:b: c") == binding(group='"people:a:b: c"').subject


def test_a_source_is_only_checked_where_sources_are_given() -> None:
    text = b"bindings: [{group: 'x:y', roles: [Viewer], deployments: all}]"

    assert GroupRef("x", name="y") == parse({"m.yaml": text}, namings=[NAMING]).bindings[0].subject
    with pytest.raises(MappingInvalid, match='unknown source "x"; the configuration has none'):
        parse({"m.yaml": text}, sources=frozenset(), namings=[NAMING])


def test_anchors_and_merge_keys_spare_repetition() -> None:
    text = """\
roles:
  a: &a
    description: first
    dags: &dags
      - {level: view, id: "*"}
  b:
    <<: *a
    description: second
  c:
    <<: [{description: third}, *a]
  d:
    dags: *dags
"""
    rules = parsed(text)

    assert ["first", "second", "third", ""] == [rules.roles[name].description for name in "abcd"]
    assert 1 == len({role.dags for role in rules.roles.values()})


def test_an_anchor_may_be_set_again() -> None:
    text = 'roles:\n  a: {description: &x one, permissions: ["can_read on Pools"]}\n' + (
        '  b: {description: &x two, permissions: ["can_read on Pools"]}\n'
    )
    assert "two" == parsed(text).roles["b"].description


def test_aliases_cannot_make_a_small_file_large() -> None:
    lines = ['a0: &a0 {"k": [1]}'] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]

    assert 40 == len(problems("\n".join(lines)))


def test_deep_nesting_is_one_problem() -> None:
    assert ["m.yaml:1:51: the file is nested too deeply to be a mapping file"] == problems("[" * 3000)


def test_no_file_is_not_an_empty_mapping() -> None:
    with pytest.raises(MappingInvalid, match="there is no mapping file"):
        parse({}, namings=[NAMING])


def test_empty_sections_are_allowed_where_they_are_written() -> None:
    assert Rules({}, ()) == parsed("roles: {}\nbindings: []\n")


def test_files_are_read_as_one_and_in_the_order_of_their_names() -> None:
    role = b"roles: {r: {permissions: [can_read on Pools]}}"
    rule = b"bindings: [{group: 'x:%s', roles: [r], deployments: all}]"

    rules = parse({"b.yaml": rule % b"b", "z.yaml": role, "a.yaml": rule % b"a"}, namings=[NAMING])

    assert ["a.yaml", "b.yaml"] == [r.at.file for r in rules.bindings]


def test_every_problem_of_every_file_is_reported_at_once_and_sorted() -> None:
    files = {
        "b.yaml": b"bindings:\n  - {group: nobody, roles: [], deployments: all}\nextra: 1\n",
        "a.yaml": b"roles:\n  x/y: {dags: [{level: look, id: '*'}]}\n",
        "c.yaml": b"\xff",
    }
    with pytest.raises(MappingInvalid) as caught:
        parse(files, namings=[NAMING])

    places = [(p.file, p.line, p.column) for p in caught.value.problems]
    assert [
        ("a.yaml", 2, 3),
        ("a.yaml", 2, 24),
        ("b.yaml", 2, 13),
        ("b.yaml", 2, 28),
        ("b.yaml", 3, 1),
        ("c.yaml", 1, 1),
    ] == places


def test_a_role_is_not_called_undefined_while_a_file_cannot_be_read() -> None:
    rule = b"bindings: [{group: 'x:y', roles: [r], deployments: all}]"

    with pytest.raises(MappingInvalid) as caught:
        parse({"a.yaml": rule, "b.yaml": b"roles: ["}, namings=[NAMING])

    assert ["b.yaml"] == [p.file for p in caught.value.problems]


def test_the_bad_byte_is_found_behind_a_byte_order_mark_and_wide_characters() -> None:
    assert ["m.yaml:2:5: byte 0xe9 is not UTF-8; save the file as UTF-8"] == problems(
        b"\xef\xbb\xbf# \xc3\xa9\n# \xc3\xa9 \xe9"
    )


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    assert Rules({}, ()) == parse({"m.yaml": b"\xef\xbb\xbfroles: {}\r\nbindings: []\r\n"}, namings=[NAMING])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_that_only_yaml_sees_is_a_mistake(end: bytes) -> None:
    """A reviewer sees a comment, and a parser a key."""
    with pytest.raises(MappingInvalid) as raised:
        parse({"m.yaml": b"roles: {}" + end + b"bindings: [] # x\rvars: {}" + end}, namings=[NAMING])
    (problem,) = raised.value.problems
    place = (2, 17) if end else (1, 26)
    assert (*place, True) == (problem.line, problem.column, problem.message.startswith("a carriage return without"))


@pytest.mark.parametrize(
    ("escape", "code"),
    [
        ("\\u0007", "U+0007 (a control character)"),
        ("\\ud800", "U+D800 (half of a character)"),
        ("\\u2028", "U+2028 (a line break)"),
        ("\\n", "U+000A (a line break)"),
    ],
)
def test_escapes_cannot_bring_in_what_no_name_may_hold(escape: str, code: str) -> None:
    text = f'bindings: [{{group: "people:a{escape}b", roles: [Viewer], deployments: all}}]'
    assert [f"m.yaml:1:20: `group` has the character {code} in it, which nobody can see; take it out"] == problems(text)


def all_problems(content: bytes) -> tuple[Problem, ...]:
    try:
        parse({"m.yaml": content}, namings=[NAMING])
    except MappingInvalid as invalid:
        return invalid.problems
    return ()


@given(st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode) | st.binary(max_size=40))
def test_anything_gives_rules_or_problems_with_places(content: bytes) -> None:
    assert all(p.line and p.column and p.message for p in all_problems(content))


@given(st.text(alphabet=":*&!|>{}[],\"'#-?%@` \t\nab<~1=", max_size=40))
def test_any_syntax_gives_rules_or_problems_with_places(text: str) -> None:
    assert all(p.line and p.column and p.message for p in all_problems(f"roles:\n  x: {text}\n".encode()))


def test_a_key_of_a_role_that_is_bad_does_not_hide_the_next() -> None:
    assert ["m.yaml:2:6", "m.yaml:3:6"] == [p.partition(": ")[0] for p in problems("roles:\n  a: x\n  b: y\n")]


@pytest.mark.finding("R-F2")
@pytest.mark.parametrize("owner", [" bob", "bob ", "[alice, ' bob']"])
def test_an_owner_with_a_blank_at_an_end_is_refused(owner: str) -> None:
    word = owner if owner.startswith("[") else f"'{owner}'"
    found = problems(f"roles:\n  r:\n    dags: [{{level: view, owner: {word}}}]\nbindings: []\n")
    assert len(found) == 1
    assert "begins or ends with a blank" in found[0]


def test_a_role_that_extends_others_has_all_that_they_have_and_keeps_its_own_words() -> None:
    rules = parsed(
        "roles:\n"
        "  reader: {description: reads, owner: data@example.com, dags: [{level: view, tag: finance}]}\n"
        "  pooled: {extends: reader, permissions: [can_read on Pools]}\n"
        "  both: {extends: [pooled, reader], owner: ops@example.com}\n"
    )
    reader, both = rules.roles["reader"], rules.roles["both"]

    assert (reader.dags, rules.roles["pooled"].permissions) == (both.dags, both.permissions)
    assert ("", "ops@example.com", ("pooled", "reader")) == (both.description, both.owner, both.extends)
    assert ("reads", "data@example.com") == (reader.description, reader.owner)
    assert At("m.yaml", 2, 64) == both.dags[0].at


def test_a_role_that_only_others_extend_is_not_called_unbound() -> None:
    rules = parsed("roles:\n  a: {permissions: [can_read on Pools]}\n  b: {extends: a}\nbindings: []\n")

    assert ['m.yaml:3: no binding gives the role "b", so nobody has it; bind it, or take it out'] == [
        note.text for note in doubtful(rules, [NAMING], now=datetime(2026, 6, 1, tzinfo=UTC))
    ]


def test_there_is_an_end_to_regular_expressions_and_one_that_stands_again_counts_once() -> None:
    def roles(many: int) -> str:
        ids = ", ".join(f'"/fin_{n}/"' for n in range(many))
        entry = f"dags: [{{level: view, id: [{ids}]}}]"
        return f"roles:\n  a: {{{entry}}}\n  b: {{{entry}}}\nbindings: []\n"

    parsed(roles(MOST_REGEXES))
    assert "there are more than 500 different regular expressions in all files" in problems(roles(MOST_REGEXES + 1))[0]
