"""A rehearsal has a home of its own, and old ones make room: ours, unused, and nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trading_bot.app.rehearsal_homes import MARK, discard_old, new_home
from trading_bot.storage.home import Home

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def play(base: Path, count: int) -> list[Home]:
    """So many homes, an hour after each other, with a record in each."""
    homes = [new_home(base, START + timedelta(hours=hour)) for hour in range(count)]
    for home in homes:
        (home.logs / "sessions.jsonl").write_text("{}\n", encoding="utf-8")
    return homes


def left(base: Path) -> set[str]:
    """The names that stand in the folder of rehearsals."""
    return {path.name for path in (base / "rehearsals").iterdir()} - {"latest"}


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Of five homes the last three stay, and `latest` is the last."""
    homes = play(tmp_path, 5)

    assert discard_old(homes[-1], kept=3) == ()

    assert left(tmp_path) == {home.root.name for home in homes[-3:]}
    assert (tmp_path / "rehearsals" / "latest").resolve() == homes[-1].root


def test_homes_of_one_second_are_told_apart_and_ordered(tmp_path: Path) -> None:
    """Eleven homes of the same second: the eleventh is newer than the ninth."""
    homes = [new_home(tmp_path, START) for _ in range(11)]

    discard_old(homes[-1], kept=2)

    assert left(tmp_path) == {homes[-1].root.name, homes[-2].root.name}


def test_the_home_just_made_stays_when_the_clock_went_back(tmp_path: Path) -> None:
    """It has the oldest name of all, and is still not removed."""
    homes = play(tmp_path, 3)
    newest = new_home(tmp_path, START - timedelta(days=1))

    discard_old(newest, kept=1)

    assert left(tmp_path) == {newest.root.name}
    assert not homes[0].root.exists()


@pytest.mark.parametrize("reason", ["renamed", "unmarked", "bound", "locked", "a link"])
def test_nothing_else_is_removed(tmp_path: Path, reason: str) -> None:
    """What a person renamed or made, what is bound to a mode, in use, or a link: it all stays."""
    old, newest = play(tmp_path, 2)
    kept = old.root
    lock = None
    match reason:
        case "renamed":
            kept = old.root.rename(old.root.with_name("the-good-day"))
        case "unmarked":
            (old.root / MARK).unlink()
        case "bound":
            old.bind(mode="paper", account=None, key=bytes(32))
        case "locked":
            lock = old.lock()
        case _:
            kept = old.root.rename(tmp_path / "elsewhere")
            old.root.symlink_to(kept)

    discard_old(newest, kept=1)

    assert (kept / "logs" / "sessions.jsonl").is_file()
    if lock is not None:
        lock.release()
        discard_old(newest, kept=1)
        assert not kept.exists()


def test_strange_names_and_files_are_left_alone(tmp_path: Path) -> None:
    """Files, folders of other names and look-alikes of the discarded are none of our business."""
    (newest,) = play(tmp_path, 1)
    folder = newest.root.parent
    for name in ("notes", ".discarded-notes", "2026-03-02"):
        (folder / name).mkdir()
        (folder / name / MARK).touch()
    (folder / "2020-01-01T00-00-00Z").write_text("a file", encoding="utf-8")

    discard_old(newest, kept=1)

    assert {"notes", ".discarded-notes", "2026-03-02", "2020-01-01T00-00-00Z"} < left(tmp_path)


def test_what_a_crash_left_half_removed_goes_the_next_time(tmp_path: Path) -> None:
    """A folder that was set aside to be removed is removed, mark or not."""
    (newest,) = play(tmp_path, 1)
    half = newest.root.parent / ".discarded-2020-01-01T00-00-00Z"
    (half / "logs").mkdir(parents=True)

    discard_old(newest)

    assert left(tmp_path) == {newest.root.name}


def test_a_link_inside_is_removed_but_not_followed(tmp_path: Path) -> None:
    """A file outside that an old home points at stays."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("stay", encoding="utf-8")
    old, newest = play(tmp_path, 2)
    (old.root / "out").symlink_to(precious)

    discard_old(newest, kept=1)

    assert not old.root.exists()
    assert (precious / "file").read_text(encoding="utf-8") == "stay"


def test_kept_homes_give_back_their_reserve(tmp_path: Path) -> None:
    """Only the home that is about to run needs one; one in use keeps its own."""
    over, in_use, newest = play(tmp_path, 3)
    for home in (over, in_use, newest):
        home.fill_reserve()

    with in_use.lock():
        discard_old(newest)

    assert [home.reserve.exists() for home in (over, in_use, newest)] == [False, True, True]


def test_what_cannot_be_removed_is_said_and_does_no_harm(tmp_path: Path) -> None:
    """What stands in the way is named; the others are removed all the same."""
    old, newest = play(tmp_path, 2)
    in_the_way = newest.root.parent / ".discarded-2020-01-01T00-00-00Z"
    in_the_way.write_text("a file", encoding="utf-8")

    (problem,) = discard_old(newest, kept=1)

    assert f"{in_the_way} could not be removed" in problem
    assert not old.root.exists()
