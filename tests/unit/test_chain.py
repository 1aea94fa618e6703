"""The chain of records: whatever is done to a line, who follows the chain says so and names the place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.model.chain import NOTHING_BEFORE, ChainVerdict, Flaw, Following, Link, link_after, number_in, verdict_on


def chain_of(number: int) -> list[Link]:
    """Give a chain of so many records."""
    seq, prev, links = 0, NOTHING_BEFORE, []
    for nth in range(number):
        links.append(link_after(seq, prev, f'{{"at":"{nth}","kind":"outcome"}}'))
        seq, _, prev = links[-1]
    return links


def flaws(links: list[Link]) -> list[Flaw]:
    verdict = ChainVerdict()
    verdict.follow(links, Following())
    return verdict.flaws


def test_a_verifier_of_ten_lines_agrees() -> None:
    """What docs/evidence.md says is all that one has to know."""
    prev = "0" * 64
    for number, link in enumerate(chain_of(5), start=1):
        record = json.loads(link.line)
        assert (number, prev) == (record["seq"], record["prev"])
        prev = hashlib.sha256(link.line.encode()).hexdigest()
        assert link.hash == prev


@given(st.integers(0, 30))
def test_a_chain_that_nobody_touched_has_no_flaw(number: int) -> None:
    links = chain_of(number)
    assert [] == flaws(links)
    assert [] == verdict_on(link.line for link in links).flaws
    assert number == verdict_on(link.line for link in links).count


@given(st.data())
def test_whatever_is_done_to_a_record_it_is_named(data: st.DataObject) -> None:
    """In a database, where each record has its hash beside it, which whoever edits may make anew."""
    links = chain_of(data.draw(st.integers(3, 12)))
    at = data.draw(st.integers(0, len(links) - 2), label="which")
    match data.draw(st.sampled_from(["edited", "edited and hashed", "removed", "exchanged", "replaced"])):
        case "edited":
            links[at] = links[at]._replace(line=links[at].line.replace("outcome", "income"))
        case "edited and hashed":
            before = links[at - 1] if at else Link(0, "", NOTHING_BEFORE)
            links[at] = link_after(before.seq, before.hash, '{"at":"0","kind":"forged"}')
        case "removed":
            del links[at]
        case "exchanged":
            one, two = links[at], links[at + 1]
            links[at], links[at + 1] = two._replace(seq=one.seq), one._replace(seq=two.seq)
        case _:
            links[at] = links[at]._replace(line="{}")
    assert at + 1 in {flaw.seq for flaw in flaws(links)}


@given(st.data())
def test_whatever_is_done_to_a_line_of_a_file_its_place_is_named(data: st.DataObject) -> None:
    lines = [link.line for link in chain_of(data.draw(st.integers(3, 12)))]
    at = data.draw(st.integers(1, len(lines) - 2), label="which")
    match data.draw(st.sampled_from(["edited", "removed", "moved", "twice", "inserted"])):
        case "edited":
            place = data.draw(st.integers(0, len(lines[at]) - 1))
            lines[at] = lines[at][:place] + chr(ord(lines[at][place]) ^ 1) + lines[at][place + 1 :]
        case "removed":
            del lines[at]
        case "moved":
            lines.insert(0, lines.pop(at))
        case "twice":
            lines.insert(at, lines[at])
        case _:
            lines.insert(at, "{}")
    named = {flaw.seq for flaw in verdict_on(lines).flaws}
    assert named & {0, at, at + 1, at + 2}, named


CASES: dict[str, tuple[Callable[[list[Link]], list[Link]], list[str]]] = {
    "edited": (
        lambda links: [links[0], links[1]._replace(line=links[1].line + " "), *links[2:]],
        ["2: it was edited", "2: it is not"],
    ),
    "one is gone": (lambda links: [links[0], *links[2:]], ["2: removed: 2 is missing between 1 and 3"]),
    "several are gone": (lambda links: [links[0], *links[4:]], ["2: removed: 2 to 4 is missing between 1 and 5"]),
    "the first is gone": (lambda links: links[1:], ["1: removed: 1 is missing between 0 and 2"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_it(case: str) -> None:
    change, expected = CASES[case]
    said = [str(flaw) for flaw in flaws(change(chain_of(6)))]
    assert len(expected) == len(said)
    assert all(text.startswith(f"record {wanted}") for text, wanted in zip(said, expected, strict=True)), said


@pytest.mark.parametrize(
    "line", ["", "{}", '{"seq":', '{"seq":1', '{"seq":x,', '{"seq":-1,', '{"seq":' + "9" * 5000 + ","]
)
def test_what_is_no_record_has_no_number(line: str) -> None:
    assert number_in(line) is None
    assert ["it was edited: this is no text of a record"] == [flaw.what for flaw in verdict_on([line]).flaws]
