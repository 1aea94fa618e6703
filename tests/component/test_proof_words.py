"""What stands of people's words is what was chained when they said it, and what was edited since is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from store_samples import NOW, at, created, left, made, planned

from syncd.errors import StoreError
from syncd.model import EVERYTHING, GrantRequest, GrantWord, Held, Paused, Plan, RolloutVerb
from syncd.plan.rulings import HoldRuling, HoldWord
from syncd.ports import Acknowledged, AlarmRow, Silence, Truth
from syncd.store import Stores, chain


def spoken(store: Stores) -> None:
    """A word of each kind, with its end where it has one."""
    eve = GrantWord("eve", "host", at(1))
    for number, (expires, ended) in enumerate([(None, False), (at(99), False), (None, True)], start=1):
        store.grants.ask(
            GrantRequest("prod", "Op", ("okta", "1"), "bob", timedelta(hours=1), "why", eve, "T-1", expires)
        )
        if expires:
            store.grants.give(number, GrantWord("mallory", "other", at(2)))
        if ended:
            store.grants.end(number, GrantWord("eve", "host", at(3)), "done")
    for id_, until in enumerate([None, NOW + timedelta(days=400)], start=1):
        store.pauses.pause(Paused("env", "prod", True), until=until, reason="audit", by="eve")
        if until is None:
            store.pauses.resume(id_, by="anna", reason="over")
    held_words(store)
    store.presence.save_alarms({("drift", "prod"): (AlarmRow("it drifts", at(0)), None)})
    assert store.presence.acknowledge(("drift", "prod"), at(0), Acknowledged(at(1), "eve", "mine"))
    store.presence.silence(Silence(at(999), "eve", "night", "drift"), now=at(1))
    store.rollouts.say(RolloutVerb.RESUME, "cafe", ["prod"], by="eve", reason="I know")
    store.installation.recover(Truth.AS_IT_IS, by="eve: sure")


def held_words(store: Stores) -> None:
    """Two holds: one is approved, the other one rejected."""
    changes = (left("anna", "Op"), left("bob", "Op"))
    for number, change in enumerate(changes, start=1):
        where = f"prod{number}"
        plan = Plan(where, EVERYTHING, (change,))
        run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
        held = Held((change,), ("too many",), where)
        store.ledger.record_plan(run, plan, held=held, approved=None, now=NOW)
    for name, ruling in (("h1", HoldRuling.APPROVE), ("h2", HoldRuling.REJECT)):
        word = HoldWord(ruling, "anna", frozenset({"anna"}), at(1), "I know", "command")
        store.inbox.say(name, word, needs=1, expires=timedelta(days=400))


def told(store: Stores) -> list[str]:
    return [str(flaw) for flaw in store.records.verify().flaws]


def test_what_people_say_is_as_it_was_chained(store: Stores) -> None:
    spoken(store)
    assert [] == told(store)


EDITED = {
    "who gets it": (
        "UPDATE timed_grants SET person = '2' WHERE id = 1",
        "grant 1 is not as it says: person was edited",
    ),
    "for how long": ("UPDATE timed_grants SET until = asked_at WHERE id = 2", "grant 2 .* until was edited"),
    "who agreed": ("UPDATE timed_grants SET given_by = 'eve' WHERE id = 2", "grant 2 .* given_by was edited"),
    "a grant is not ended": (
        "UPDATE timed_grants SET ended_at = NULL, ended_by = NULL WHERE id = 3",
        "grant 3 .* ended_by, ended_at was edited",
    ),
    "a grant is gone": ("DELETE FROM timed_grants WHERE id = 1", "record .*: grant 1, of which it speaks, was removed"),
    "a pause is not over": ("UPDATE pauses SET ended_at = NULL WHERE id = 1", "pause 1 .* ended_at was edited"),
    "a pause is shorter": ("UPDATE pauses SET until = since WHERE id = 2", "pause 2 .* until was edited"),
    "a pause is of less": ("UPDATE pauses SET value = 'dev' WHERE id = 2", "pause 2 .* value was edited"),
    "a pause is gone": ("DELETE FROM pauses WHERE id = 2", "pause 2, of which it speaks, was removed"),
    "a verdict": ("UPDATE hold_words SET ruling = 'approve' WHERE id = 2", "word on a hold 2 .* ruling was edited"),
    "who approved": ("UPDATE hold_words SET who = 'boss' WHERE id = 1", "word on a hold 1 .* who was edited"),
    "a verdict is of another hold": (
        "UPDATE hold_words SET hold_id = 2 WHERE id = 1",
        "word on a hold 1 .* hold_id was edited",
    ),
    "a hold passes": (
        "UPDATE holds SET state = 'approved' WHERE id = 2",
        "hold h2 is approved, and that is not what was said of it last: its state was edited",
    ),
    "an approval was never said": (
        "INSERT INTO hold_words (id, hold_id, ruling, who, people, reason, origin, at) "
        "SELECT 77, 2, 'approve', who, people, reason, origin, at FROM hold_words WHERE id = 1",
        "word on a hold 77 was inserted: no record says that anybody said it",
    ),
    "a silence": ("UPDATE silences SET kind = '' WHERE id = 1", "silence 1 .* kind was edited"),
    "who sees to it": ("UPDATE alarms SET acknowledged_by = 'x'", "acknowledgement of alarm drift prod .* was edited"),
    "another wave may go": (
        "UPDATE rollout_words SET verb = 'skip', deployment = 'dev' WHERE id = 1",
        "word on a rollout 1 is not as it says: deployment, verb was edited",
    ),
    "of another mapping": ("UPDATE rollout_words SET revision = 'beef'", "word on a rollout 1 .* revision was edited"),
    "nobody let it go": (
        "INSERT INTO rollout_words SELECT 77, revision, verb, deployment, by, host, reason, at FROM rollout_words",
        "word on a rollout 77 was inserted: no record says that anybody said it",
    ),
    "which is true": ("UPDATE recoveries SET truth = 'begin_anew'", "answer to a doubt of .* truth was edited"),
}


@pytest.mark.finding("N-623")
@pytest.mark.parametrize("case", EDITED)
def test_a_word_that_was_edited_is_named(store: Stores, case: str) -> None:
    spoken(store)
    statement, expected = EDITED[case]
    with store.database.write() as connection:
        assert connection.execute(text(statement)).rowcount

    with pytest.raises(AssertionError, match=expected):
        raise AssertionError("\n".join(told(store)))


@pytest.mark.finding("N-624")
def test_a_record_whose_bytes_are_no_text_is_named_as_that(tmp_path: Path) -> None:
    store = Stores.open(f"sqlite:///{tmp_path}/syncd.db")
    made(store, created("anna", "Viewer"))
    with store.database.write() as connection:
        connection.execute(text("UPDATE records SET line = CAST(x'7bff' AS TEXT) WHERE seq = 2"))

    assert told(store)[0] == "record 2: it was edited: its bytes are not UTF-8, so it is no text"
    store.close()


@pytest.mark.finding("N-625")
def test_a_record_with_the_largest_number_stops_what_follows_with_a_sentence(store: Stores) -> None:
    made(store, created("anna", "Viewer"))
    with store.database.write() as connection:
        connection.execute(text(f"UPDATE records SET seq = {chain.LAST} WHERE seq = 3"))

    with pytest.raises(StoreError, match="has the number 9223372036854775807, and there are no higher ones"):
        planned(store, created("bob", "Viewer"))
    assert f"record {chain.LAST}: the text of record 3 stands in its place" in told(store)
