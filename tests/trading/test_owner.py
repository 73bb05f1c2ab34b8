"""The owner of an account's orders: kept in its place, replaced in any other, never shared with a copy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.events import OwnerConfirmed, OwnerEstablished
from cq_tui.trading.owner import (
    Judgment,
    LastUse,
    OwnerElsewhere,
    OwnerKnown,
    OwnerMissing,
    OwnerRecord,
    OwnerRecords,
    Place,
    settle_owner,
)

ACCOUNT = "simulated:1234567"
HOME = Place("machine-a", "/home/trader/data", "2049", "77")


def established(owner: str, place: Place = HOME, **more: str) -> OwnerEstablished:
    return OwnerEstablished(account=ACCOUNT, owner=owner, **place._asdict(), **more)


def confirmed(owner: str) -> OwnerConfirmed:
    return OwnerConfirmed(account=ACCOUNT, owner=owner, person="kim", why="the old machine is gone")


def judge(*records: OwnerRecord, here: Place = HOME, last: LastUse | None = None) -> Judgment:
    return OwnerRecords(records).judge(ACCOUNT, here, last)


def test_a_directory_that_never_traded_gets_an_owner_without_a_doubt() -> None:
    other = established("other").model_copy(update={"account": "testnet:1234567"})
    assert judge(other) == OwnerMissing()
    known, event = settle_owner(OwnerMissing(), ACCOUNT, HOME, "7k3qz")
    assert known == OwnerKnown("7k3qz")
    assert event == established("7k3qz")


def test_in_its_place_the_owner_stays_and_nothing_is_recorded() -> None:
    judgment = judge(established("7k3qz"))
    assert settle_owner(judgment, ACCOUNT, HOME, "unused") == (OwnerKnown("7k3qz"), None)


@pytest.mark.parametrize(
    ("here", "what"),
    [
        (HOME._replace(directory="/srv/data"), "moved, or mounted there too"),
        (HOME._replace(device="64769"), "devices are renumbered at a boot"),
    ],
)
def test_the_same_directory_keeps_its_owner_and_its_new_place_is_recorded(here: Place, what: str) -> None:
    known, event = settle_owner(judge(established("7k3qz"), here=here), ACCOUNT, here, "unused")
    assert (known.owner, known.doubt) == ("7k3qz", None), what
    assert event == established("7k3qz", here)
    # A device number and a path may change one after another, never both unseen.
    assert judge(established("7k3qz"), event, here=here) == OwnerKnown("7k3qz")


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (HOME._replace(machine="machine-b"), "on another machine before, as /home/trader/data"),
        (HOME._replace(directory="/home/trader/copy", inode="78"), "was /home/trader/data before; it may be a copy"),
        (HOME._replace(inode="78"), "/home/trader/data is not the same directory as before"),
        (HOME._replace(directory="/mnt/copy", device="64769"), "was /home/trader/data before; it may be a copy"),
    ],
)
def test_in_another_place_it_gets_a_new_owner_and_opens_nothing_until_confirmed(here: Place, words: str) -> None:
    records: list[OwnerRecord] = [established("7k3qz")]
    judgment = judge(*records, here=here)
    assert isinstance(judgment, OwnerElsewhere)
    assert words in judgment.reason
    known, event = settle_owner(judgment, ACCOUNT, here, "n3wer")
    assert event is not None
    assert event == established("n3wer", here, replaces="7k3qz", doubt=judgment.reason)
    assert known == OwnerKnown("n3wer", frozenset({"7k3qz"}), judgment.reason)
    # After a restart it is the same, and back in the old place it is a copy again.
    assert judge(*records, event, here=here) == known
    assert isinstance(judge(*records, event), OwnerElsewhere)
    assert judge(*records, event, confirmed("7k3qz"), here=here) == known, "another owner was confirmed"
    assert judge(*records, event, confirmed("n3wer"), here=here) == OwnerKnown("n3wer", frozenset({"7k3qz"}))


def test_a_doubt_survives_a_move() -> None:
    doubted = established("n3wer", replaces="7k3qz", doubt="copied")
    moved = HOME._replace(directory="/srv/data")
    known, event = settle_owner(judge(doubted, here=moved), ACCOUNT, moved, "unused")
    assert event is not None
    assert known.doubt == event.doubt == "copied"


def test_a_path_counts_alone_where_the_last_trader_of_the_account_was_the_one_whose_history_this_is() -> None:
    renumbered = HOME._replace(inode="78")
    assert judge(established("7k3qz"), here=renumbered, last=LastUse("7k3qz", HOME, is_ours=True)) == OwnerKnown(
        "7k3qz", has_moved=True
    )
    elsewhere = LastUse("7k3qz", HOME._replace(directory="/x", inode="79"), is_ours=True)
    assert isinstance(judge(established("7k3qz"), here=renumbered, last=elsewhere), OwnerElsewhere)
    # A directory of another owner says nothing about this one.
    other = LastUse("other", HOME, is_ours=False)
    assert judge(established("7k3qz"), last=other) == OwnerKnown("7k3qz")


def test_a_backup_that_is_older_than_what_was_traded_since_gets_a_new_owner_even_in_its_place() -> None:
    judgment = judge(established("7k3qz"), last=LastUse("7k3qz", HOME, is_ours=False))
    assert isinstance(judgment, OwnerElsewhere)
    assert "older than what was traded last" in judgment.reason


def test_the_original_is_doubted_too_once_its_copy_has_traded() -> None:
    copy = Place("machine-a", "/home/trader/copy", "2049", "99")
    judgment = judge(established("7k3qz"), last=LastUse("7k3qz", copy, is_ours=True))
    assert isinstance(judgment, OwnerElsewhere)
    assert "last placed from /home/trader/copy" in judgment.reason


PLACES = st.builds(
    Place, *(st.sampled_from(["1", "2"]), st.sampled_from(["/a", "/b"]), st.sampled_from(["3", "4"]), st.just("5"))
)


@given(st.lists(st.tuples(PLACES, st.booleans()), max_size=12))
def test_whatever_happens_two_machines_never_share_an_owner(visits: list[tuple[Place, bool]]) -> None:
    records: list[OwnerRecord] = []
    machines: dict[str, str] = {}
    for number, (here, confirms) in enumerate(visits):
        known, event = settle_owner(judge(*records, here=here), ACCOUNT, here, f"{number:05}")
        records += [event] if event else []
        assert machines.setdefault(known.owner, here.machine) == here.machine
        assert known.owner not in known.former
        assert known.former == {each.owner for each in records if isinstance(each, OwnerEstablished)} - {known.owner}
        if confirms:
            records.append(confirmed(known.owner))
            assert settle_owner(judge(*records, here=here), ACCOUNT, here, "unused")[0].doubt is None


def test_records_are_taken_from_events_and_survive_in_a_snapshot() -> None:
    copied = established("n3wer", HOME._replace(inode="78"), replaces="7k3qz", doubt="copied")
    records = OwnerRecords()
    for event_type, payload in (
        ("owner_established", established("7k3qz")),
        ("order_submitted", established("other")),
        ("owner_established", copied),
        ("owner_established", copied),
        ("owner_confirmed", confirmed("n3wer")),
    ):
        records.take(event_type, payload.model_dump(exclude_none=True))
    again = OwnerRecords.from_snapshot(records.to_snapshot())
    for each in (records, again):
        assert len(each.to_snapshot()) == 3
        assert each.newest(ACCOUNT) == "n3wer"
        assert each.newest("testnet:1234567") is None
        assert each.judge(ACCOUNT, HOME._replace(inode="78"), None) == OwnerKnown("n3wer", frozenset({"7k3qz"}))


def test_a_record_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(ValueError, match="machine"):
        OwnerRecords().take("owner_established", {"account": ACCOUNT, "owner": "7k3qz"})
