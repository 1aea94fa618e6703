"""Every key of mapping files and of `_scope.yaml`, in one table.

What the parser takes for known and required, the JSON Schema that editors read (`schema`) and the tables of docs/mapping.md
(`reference`) come from here. The order is that of messages and tables.
"""

from __future__ import annotations

from typing import Final

from syncd.mapping.key_shapes import (
    DagAction,
    Either,
    Flag,
    Key,
    KeyTable,
    ListOf,
    Named,
    Plain,
    Ref,
    Text,
    Word,
    some,
    texts,
    without,
)
from syncd.model import DAYS, Level, RoleMode
from syncd.model.patterns import KINDS as PATTERN_KINDS

ALL_DAGS: Final = "all_dags"
"""What a built-in role can be without."""
MOST_PEOPLE: Final = 1000
"""So many people may one binding name: more of them are a group."""
MOST_WINDOWS: Final = 20
"""So many windows may one binding have: the times of a team are a handful."""

VARIABLE: Final = "^[A-Za-z_][A-Za-z0-9_]*$"
"""The name of a variable of a pattern."""
GROUP_TEXT: Final = Text(r"^[^\s:]([^:]*[^\s:])?:\S(.*\S)?$")
_GROUP: Final = Either((GROUP_TEXT, Ref("group")))
_WHOM: Final = Either((GROUP_TEXT, Ref("group"), Ref("members")))
_MOMENT: Final = Text(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]| ?[+-][0-9]{2}:?[0-9]{2}))?$"
)
_PERMISSION: Final = r"^\S(.*\S)? on \S(.*\S)?$"
_PATH: Final = r"^(?!/|\./|\.\./)"
LABELS: Final = Either((Word(("all",)), Named(Either((some(Text()), Ref("label_test"))), least=1)))
_PEOPLE: Final = ListOf(Either((Text(), Ref("person"))), most=MOST_PEOPLE)

# --- who, of which binding ---------------------------------------------------------------------------------------------

GROUP: Final = KeyTable(
    "group",
    "a group of a source, by its id or by its name",
    (
        Key("source", Text(), "the source, as the configuration names it"),
        Key("id", Text(), "the id of the group there, which decides"),
        Key("name", Text(), "its name; beside an id for readers"),
    ),
    required=("source",),
    some=("id", "name"),
)
PERSON: Final = KeyTable(
    "person",
    "a person of a source, by the id or by an address or a login",
    (
        Key("source", Text(), "the source, as the configuration names it"),
        Key("id", Text(), "the id of the person there, which decides"),
        Key("name", Text(), "an e-mail address or a login; beside an id for readers"),
    ),
    required=("source",),
    some=("id", "name"),
)
_MEMBERS: Final = (
    Key("group", _GROUP, "`source:name`, or `{source: ..., id: ..., name: ...}`: its members"),
    Key("any_of", ListOf(_WHOM), "[several groups](#several-groups): who is in one of them at least"),
    Key("all_of", ListOf(_WHOM), "[several groups](#several-groups): who is in each of them"),
    Key("everyone", Text(), "a source: [everybody](#everyone) who can log in there"),
    Key("people", _PEOPLE, "[people](#people-and-except), one by one"),
)
_NONE_OF: Final = Key("none_of", ListOf(_WHOM), "beside one of them but `accounts`: groups whose members are left out")
MEMBERS: Final = KeyTable(
    "members",
    "an entry of a list of groups that is made of groups itself",
    (*_MEMBERS, _NONE_OF),
    one=tuple(key.name for key in _MEMBERS),
)

WHERE: Final = KeyTable(
    "where",
    "what the source of people says of them; all of it has to hold",
    (
        Key("department", some(Text()), "the department, or one of several"),
        Key("user_type", some(Text()), "the user type, or one of several: `Employee`, `[Employee, Contractor]`"),
        Key("guest", Flag(), "whether they were invited from outside"),
        Key("email_domain", some(Text(r"^[^@]+$")), "what is after the last `@` of the e-mail, or one of several"),
    ),
    some=("department", "user_type", "guest", "email_domain"),
)

# --- where and when -----------------------------------------------------------------------------------------------------

LABEL_TEST: Final = KeyTable(
    "label_test",
    "what a label has to be",
    (
        Key("in", some(Text()), "one of these values"),
        Key("not", some(Text()), "none of these values; for a deployment without the label too"),
        Key("exists", Flag(), "whether the deployment has the label"),
    ),
    some=("in", "not", "exists"),
)
WINDOW: Final = KeyTable(
    "window",
    "hours of the week",
    (
        Key("days", some(Word(DAYS)), f"on which days it opens: {', '.join(f'`{day}`' for day in DAYS)}; all of them"),
        Key(
            "hours",
            Text(r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"),
            'from when to when, as in `"08:00-18:00"`; up to `24:00`. Hours that end before they begin end on the next day. '
            "The whole day",
        ),
        Key("zone", Text(), "a zone of the IANA list, as in `Europe/Berlin`, or `UTC`"),
    ),
    required=("zone",),
)

# --- bindings -----------------------------------------------------------------------------------------------------------

BINDING: Final = KeyTable(
    "binding",
    "who gets which roles on which deployments",
    (
        *_MEMBERS,
        Key("accounts", texts(), "[accounts](#accounts) that no directory has"),
        Key(
            "each",
            Word(PATTERN_KINDS),
            "the line is for [each value](#each) that DAGs have: `owner`, `folder` or `tag`",
        ),
        Key(
            "captures",
            Named(Named(Text()), names=VARIABLE),
            "beside `each`, or a `group` that is [a pattern](#patterns): by variable, what values stand for",
        ),
        Key(
            "unless",
            some(Text()),
            "the same: which groups, or which values where there is no pattern, are not meant, by glob",
        ),
        Key("where", Ref("where"), "beside one of them but `accounts`: [what their source says of them](#where)"),
        _NONE_OF,
        Key("except", _PEOPLE, "beside one of them but `accounts`: [people](#people-and-except) who are left out"),
        Key("roles", texts(), "a list of roles from any mapping file, and built-in roles"),
        Key("deployments", LABELS, "`all`, or labels with values"),
        Key("from", _MOMENT, "the first day, or a moment with a time zone"),
        Key("until", _MOMENT, "the last day, or a moment with a time zone"),
        Key(
            "during",
            Either((Ref("window"), ListOf(Ref("window"), most=MOST_WINDOWS, distinct=False))),
            "[hours of the week](#during) with a time zone, or a list of such",
        ),
        Key("privileged", Flag(), "`true`: it gives [roles that administer](#privileged-roles) on purpose"),
        Key("owner", Text(), "who answers for it: a team, an address"),
        Key("reason", Text(), "one line, shown wherever the grant is explained"),
        Key("ticket", Text(), "where it was asked for"),
    ),
    required=("roles", "deployments"),
    one=(*(key.name for key in _MEMBERS), "accounts"),
    never=(("accounts", ("where", "none_of", "except")),),
)
DEFAULTS: Final = KeyTable(
    "defaults",
    "what the bindings of this file say that do not say it themselves",
    BINDING.among("deployments", "until", "owner", "reason", "ticket"),
)

# --- roles --------------------------------------------------------------------------------------------------------------

WORDS: Final = KeyTable(
    "words",
    "words of which one is enough, and words that all have to be there",
    (
        Key("any", some(Text()), "one of these is enough"),
        Key("all", some(Text()), "all of these have to be there"),
    ),
    some=("any", "all"),
)
_TAGS: Final = Either((some(Text()), Ref("words")))
_KINDS: Final = (
    Key(
        "id",
        some(Text()),
        "the DAG id, by glob, or by a regular expression between slashes: "
        '`"fin_*"`, `fin_daily`, `["fin_*", "/acc_[0-9]+/"]`',
    ),
    Key("tag", _TAGS, "one of the DAG's tags, exactly: `finance`, `[finance, accounting]`, `{all: [finance, daily]}`"),
    Key("owner", _TAGS, "one of the DAG's owners, exactly: `fin-team`, `{all: [alice, bob]}`"),
    Key("bundle", some(Text()), "Airflow 3: the DAG bundle, exactly: `finance`, `[finance, risk]`"),
    Key(
        "path",
        some(Text(_PATH)),
        'the DAG\'s file below its bundle or the DAGs folder, by glob: `"finance/*"`, `["finance/*", "risk.py"]`',
    ),
)
KINDS: Final = tuple(key.name for key in _KINDS)
"""The keys by which DAGs are chosen."""
LEFT_OUT: Final = KeyTable("left_out", "DAGs that are left out", _KINDS, some=KINDS)
ENTRY: Final = KeyTable(
    "entry",
    "a level, and the DAGs that it is for",
    (
        Key(
            "level",
            Either((Word(tuple(Level)), Text(r"\{[A-Za-z_]"))),
            "one of [the levels](#levels); in a role of [a pattern](#patterns) it may be a variable",
        ),
        Key("all", Flag(only=True), "`true`: every DAG; none of the others but `not` stands beside it"),
        *_KINDS,
        Key(
            "not",
            Either((Ref("left_out"), ListOf(Ref("left_out"), distinct=False))),
            'what is left out: these keys but `all`, or a list of such entries: `{tag: pii}`, `[{tag: pii}, {id: "*_test"}]`',
        ),
        Key("also", some(DagAction()), "what is given beside [the level](#levels)"),
    ),
    required=("level",),
    some=("all", *KINDS),
    never=(("all", KINDS),),
)
DAGS_OF_SCOPE: Final = without(ENTRY, "level", "also", name="dags", says="DAGs that roles may be for")
ROLE: Final = KeyTable(
    "role",
    "what a role may do",
    (
        Key("description", Text(), "for people"),
        Key("owner", Text(), "who answers for the role, an address or a team; `explain` shows it"),
        Key(
            "exclusive",
            Flag(),
            "`true`: only mapping lines give this role, so people who hold it by another hand lose it, within the limits; "
            "`false`: they keep it. Else as `manual_grants` of the deployment says",
        ),
        Key("privileged", Flag(), "`true`: it [administers](#privileged-roles) on purpose, whichever line gives it"),
        Key(
            "mode",
            Word(tuple(RoleMode)),
            "`observe`: nobody gets or loses this role by syncd, and it stays as it is; `add-only`: it is given and never taken, "
            "and loses no permission; `full` (if nothing is said): as the mapping says. What is left out is a note of the plan",
        ),
        Key(
            "extends",
            some(Text()),
            "a role of any mapping file, or a list of them: this one may do what they may. One of them may be `Viewer`, `User` "
            "or `Op` of Airflow",
        ),
        Key(
            "without",
            Word((ALL_DAGS,)),
            f"`{ALL_DAGS}`: beside a built-in role in `extends`, what that may do with every DAG is left out",
        ),
        Key("dags", ListOf(Ref("entry"), distinct=False), "a list of entries, each a `level` and the DAGs it is for"),
        Key("permissions", texts(_PERMISSION), 'a list of Airflow\'s own permissions, `"<action> on <resource>"`'),
    ),
    some=("extends", "dags", "permissions"),
    only=(("without", ("extends",)),),
)

# --- files --------------------------------------------------------------------------------------------------------------

MAPPING_FILE: Final = KeyTable(
    "mapping",
    "a mapping file of syncd: who may do what where",
    (
        Key(
            "vars",
            Named(Either((Plain(), ListOf(Plain(), distinct=False))), names="^[A-Za-z_][A-Za-z0-9_-]*$"),
            "[variables](#vars) of this file, used as `${name}` in values",
        ),
        Key("defaults", Ref("defaults"), "what those of its bindings say that do not [say it themselves](#defaults)"),
        Key("roles", Named(Ref("role")), "[roles](#roles) by name, and what they may do"),
        Key("bindings", ListOf(Ref("binding"), least=0, distinct=False), "[who gets which roles where](#bindings)"),
    ),
    some=("roles", "bindings"),
)
SCOPE: Final = KeyTable(
    "scope",
    "what the mapping files of this folder, and of the folders in it, may grant",
    (
        Key("roles", texts(), "by glob: the names of roles that are defined, extended and bound here"),
        Key(
            "built_in",
            texts(),
            f'Airflow\'s own roles that may be bound and extended here; "User without {ALL_DAGS}": extended so only',
        ),
        Key("level", Word(tuple(Level)), "the highest level"),
        Key("dags", ListOf(Ref("dags"), distinct=False), "an entry of a role must be inside of these"),
        Key("permissions", texts(), "Airflow's own permissions that roles may have"),
        Key("groups", texts(), 'whom bindings may be for, by glob: `"okta:fin-*"`'),
        Key(
            "people",
            texts(),
            'people whom bindings may name one by one, by glob: `"*@corp.example"`, by their id `okta:00u1`; without it those '
            "of sources of which `groups` allows every group",
        ),
        Key("accounts", texts(), "accounts that no directory has, by glob"),
        Key("deployments", LABELS, "`all`, or labels that a binding must keep to"),
    ),
)

OF_MAPPING: Final = (
    MAPPING_FILE, DEFAULTS, ROLE, ENTRY, LEFT_OUT, WORDS, BINDING, MEMBERS, WHERE, GROUP, PERSON, LABEL_TEST, WINDOW,
)  # fmt: skip
OF_SCOPE: Final = (SCOPE, DAGS_OF_SCOPE, LEFT_OUT, WORDS, LABEL_TEST)
