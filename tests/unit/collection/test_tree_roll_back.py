"""A tree in a shared directory: what was there is kept, and comes back."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_diff import diff_entries
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    TreeError,
)

from .overlay_site import Site


def test_roll_back_restores_what_was_there_before_us(site: Site) -> None:
    original = site.live()
    (site.dest / "stock.conf").chmod(0o604)
    site.apply({"stock.conf": "1", "new.d/b": "1"})
    outcome = site.roll_back()
    assert outcome.generation == 0
    assert site.live() == original
    assert stat.S_IMODE((site.dest / "stock.conf").stat().st_mode) == 0o604


def test_roll_back_goes_one_step_at_a_time_and_an_apply_goes_on(site: Site) -> None:
    for text in ("1", "2", "3"):
        site.apply({"stock.conf": text})
    assert site.roll_back().generation == 2
    assert site.live()["stock.conf"] == "2"
    assert site.roll_back().generation == 1
    assert site.live()["stock.conf"] == "1"
    assert site.apply({"stock.conf": "3"}).generation == 4
    assert site.live()["stock.conf"] == "3"
    assert site.roll_back(2).generation == 2
    assert site.live()["stock.conf"] == "2"


def test_roll_back_finds_what_a_later_file_was_before_it_became_ours(site: Site) -> None:
    site.apply({"a.conf": "1"})
    site.apply({"a.conf": "2"})
    site.apply({"a.conf": "3", "stock.conf": "ours"})
    site.roll_back(1)
    assert site.live()["stock.conf"] == "stock\n"
    assert site.live()["a.conf"] == "1"


def test_roll_back_leaves_files_of_others_alone(site: Site) -> None:
    site.apply({"a.conf": "1", "b.conf": "1"})
    site.apply({"a.conf": "2"})
    (site.dest / "b.conf").write_text("by the admin")
    site.apply({"a.conf": "3"})
    site.roll_back()
    assert site.live()["b.conf"] == "by the admin"


def test_hand_edits_are_kept_as_a_generation(site: Site) -> None:
    site.apply({"a.conf": "1"})
    (site.dest / "a.conf").write_text("edited by hand")
    outcome = site.apply({"a.conf": "2"})
    assert outcome.plan.changed_files == ["a.conf"]
    site.roll_back()
    assert site.live()["a.conf"] == "edited by hand"


def test_roll_back_is_validated(site: Site) -> None:
    site.apply({"a.conf": "old"})
    site.apply({"a.conf": "new"}, validate="grep -rq new %s")
    with pytest.raises(TreeError, match="not valid"):
        site.roll_back()
    assert site.live()["a.conf"] == "new"


def test_there_may_be_nothing_to_roll_back_to(site: Site) -> None:
    with pytest.raises(TreeError, match="never placed here"):
        site.roll_back()
    site.apply({"a.conf": "1"})
    site.roll_back()
    with pytest.raises(TreeError, match="nothing to roll back to"):
        site.roll_back()
    with pytest.raises(TreeError, match=r"no generation 77 .* kept: 0, 1"):
        site.roll_back(77)


def test_old_generations_go_and_roll_back_still_finds_the_first(site: Site) -> None:
    site.keep = 2
    site.apply({"a.conf": "0"})
    site.apply({"a.conf": "0", "stock.conf": "ours"})
    for text in "12345":
        site.apply({"a.conf": text, "stock.conf": "ours"})
    numbers = sorted(int(path.stem) for path in site.state.glob("generations/*.json"))
    assert numbers == [0, 5, 6, 7]
    assert len(list(site.state.glob("objects/*"))) == 5  # stock, ours, and the kept 3, 4, 5
    site.roll_back(0)
    assert site.live() == {"foreign.conf": "foreign\n", "stock.conf": "stock\n"}


def test_files_found_right_are_owned_without_a_change(site: Site) -> None:
    (site.dest / "stock.conf").chmod(0o640)
    assert not site.apply({"stock.conf": "stock\n"}).plan.changed
    assert site.apply({"a": "a"}).plan.removed_files == ["stock.conf"]
    site.roll_back(0)
    assert site.live()["stock.conf"] == "stock\n"


def test_a_secret_that_goes_away_stays_masked(site: Site) -> None:
    site.apply({"a": "a", "auth.inc": "old-password"}, secrets=("auth.inc",))
    entries = diff_entries("/etc/x", site.apply({"a": "a"}).plan)
    assert "old-password" not in str(entries)
    back = diff_entries("/etc/x", site.roll_back(check=True).plan)
    assert "auth.inc appears (secret" in str(back)
    assert "old-password" not in str(back)
