"""Chapters of the numbered story that are told here only: what costs too much, or says too little, in every test run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

import story
from sites import sample
from story import Story, account, finance
from waiting import until

NAMES = {
    "o'neil": "o'neil@example.com",
    "a.b-c": "a.b+plus@example.com",
    "ÜNAL": "ünal@example.com",
    "x y": "x.y@example.com",
}
HASTE = '\n[daemon]\nimpatient = true\npoll = "1s"\n[control]\nsocket = "syncd.sock"'


def chapter_0_doctor_status_and_plan_say_what_is_there(told: Story) -> None:
    doctor = told.fleet.run("doctor")
    assert 0 == doctor.code, doctor.out + doctor.err
    assert told.site.name.partition("+")[0] in doctor.out, doctor.out
    told.fleet.check(expect=2)


def chapter_9_names_and_e_mails(told: Story) -> None:
    for word, mail in NAMES.items():
        told.fleet.add_person(told.login(word), "finance")
        told.fleet.people[told.login(word)]["email"] = f"{told.tag}.{mail}"
    told.fleet.write_people()
    told.fleet.apply()
    told.fleet.check(expect=0)
    for word in NAMES:
        assert finance(told) == told.hands.dag_access(account(told, word)), word
    told.fleet.people[told.login("a.b-c")]["email"] = f"{told.tag}.changed@example.com"
    told.fleet.write_people()
    told.fleet.apply()
    told.fleet.check(expect=0)
    assert finance(told) == told.hands.dag_access(account(told, "a.b-c")), "another e-mail, the same person"
    for word in NAMES:
        told.fleet.remove_person(told.login(word))
    told.fleet.write_people()
    told.fleet.apply()
    told.fleet.check(expect=0)
    for word in NAMES:
        assert set() == told.hands.roles_of(account(told, word)), word


def chapter_10_killed_three_times_and_applied_once(told: Story) -> None:
    """Each time at the first sign of its work: the role is not what it was."""
    for number in range(3):
        told.roles["finance"].append(f"  - {{level: view, id: {story.BULK[number]}}}")
        told.write()
        _killed_at_the_first_sign(told)
    del told.roles["finance"][-3:]
    told.write()
    told.fleet.apply()
    told.fleet.check(expect=0)
    assert finance(told) == told.hands.dag_access(account(told, "bob"))
    assert "unknown" not in told.fleet.run("plan").out


def _killed_at_the_first_sign(told: Story) -> None:
    bob = account(told, "bob")
    before = told.hands.dag_access(bob)
    with _syncd(told, "apply") as killed:
        until("it has begun", lambda: killed.poll() is not None or before != told.hands.dag_access(bob), within_s=120)
        killed.kill()


def chapter_11_it_is_explained(told: Story) -> None:
    explained = told.fleet.run("explain", told.login("bob"))
    assert 0 == explained.code, explained.out + explained.err
    assert "mappings/all.yaml:" in explained.out
    audited = told.fleet.run("audit", "--user", account(told, "bob"))
    assert 0 == audited.code, audited.out + audited.err
    assert told.name("finance") in audited.out
    assert 0 == told.fleet.run("status").code


def chapter_12_a_dag_of_two_owners(told: Story) -> None:
    dag = f"two_{told.tag}"
    told.roles["finance"].append(f"  - {{level: view, owner: risk-{told.tag}}}")
    told.write()
    told.site.parse(sample(dag, tags=["late"], owners=(f"pay-{told.tag}", f"risk-{told.tag}")))
    told.fleet.apply()
    told.fleet.check(expect=0)
    assert finance(told) | {f"can_read on DAG:{dag}"} == told.hands.dag_access(account(told, "bob"))
    del told.roles["finance"][-1]
    told.write()
    told.fleet.apply()
    assert finance(told) == told.hands.dag_access(account(told, "bob"))


def chapter_13_the_daemon_is_killed_and_goes_on(told: Story) -> None:
    before, told.fleet.limits = told.fleet.limits, told.fleet.limits + HASTE
    try:
        _under_the_daemon(told)
    finally:
        told.fleet.limits = before
        told.write()


def _under_the_daemon(told: Story) -> None:
    told.fleet.add_person(told.login("ines"), "finance")
    told.write()
    ines = account(told, "ines")
    with _syncd(told, "run") as daemon:
        until("ines is in", lambda: _holds(told, ines), within_s=120, told=lambda: daemon.poll())
        daemon.kill()
    told.fleet.remove_person(told.login("ines"))
    told.fleet.write_people()
    with _syncd(told, "run") as daemon:
        until("ines is out", lambda: not told.hands.roles_of(ines), within_s=120, told=lambda: daemon.poll())
        daemon.send_signal(signal.SIGTERM)
        assert 0 == daemon.wait(60)


def chapter_14_a_role_of_another_hand_that_is_named_like_ours_is_left_alone(told: Story) -> None:
    """It is empty, and who holds it is not to have what the role of that family gives. The numbers are free on any server."""
    theirs = {f"{told.name('finance')}{end}" for end in ("~50", "~old90")}
    told.fleet.add_person(told.login("eve"), "platform")
    told.fleet.write_people()
    told.fleet.apply()
    for name in theirs:
        told.hands.make_role(name, []).raise_for_status()
    eve = account(told, "eve")
    told.hands.set_roles(eve, {*told.hands.roles_of(eve), *theirs})
    told.fleet.apply()
    _is_theirs(told, theirs)
    told.roles["finance"].append(f"  - {{level: view, id: {story.BULK[0]}}}")
    told.write()
    told.fleet.apply()
    assert finance(told) | {f"can_read on DAG:{story.BULK[0]}"} == told.hands.dag_access(account(told, "bob"))
    del told.roles["finance"][-1]
    told.write()
    told.fleet.apply()
    assert finance(told) == told.hands.dag_access(account(told, "bob"))
    _is_theirs(told, theirs)
    for name in theirs:
        told.site.delete_role_by_hand(name)


def _is_theirs(told: Story, roles: set[str]) -> None:
    told.fleet.check(expect=0)
    assert roles <= told.hands.roles_of(account(told, "eve"))
    assert set() == {permission for name in roles for permission in told.hands.role(name)}


def _holds(told: Story, name: str) -> bool:
    return told.hands.user(name) is not None and finance(told) == told.hands.dag_access(name)


def _syncd(told: Story, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "syncd", "--quiet", "--config", str(told.fleet.folder / "config.toml"), *words]
    with (told.fleet.folder / f"{words[0]}.log").open("ab") as log:
        return subprocess.Popen(
            command, env={**os.environ, "SYNCD_TEST_PASSWORD": "admin"}, stdout=log, stderr=log, cwd=told.fleet.folder
        )


WHOLE_STORY: Sequence[Callable[[Story], None]] = (
    chapter_0_doctor_status_and_plan_say_what_is_there,
    *(chapter for chapter in story.CHAPTERS if chapter is not story.the_end),
    chapter_9_names_and_e_mails,
    chapter_10_killed_three_times_and_applied_once,
    chapter_11_it_is_explained,
    chapter_12_a_dag_of_two_owners,
    chapter_13_the_daemon_is_killed_and_goes_on,
    chapter_14_a_role_of_another_hand_that_is_named_like_ours_is_left_alone,
    story.the_end,
)


def title(chapter: Callable[[Story], None]) -> str:
    return re.sub("^chapter ", "", chapter.__name__.replace("_", " "))
