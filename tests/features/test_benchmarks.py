"""`make bench` takes long and is run seldom: that its parts run is seen here, with as little of each as there is."""

from pathlib import Path

import pytest

from tests.bench import denial_timing, feed_cost, moments_cost, store_growth, vault_cost


def test_the_vault(tmp_path: Path) -> None:
    rows = vault_cost.run(tmp_path, 2, 1)
    assert {row.operation for row in rows} >= {"ping", "post", vault_cost.PAGE}
    assert all(row.base_ms > 0 and row.ms > 0 for row in rows)


def test_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments_cost, "MANY", 6)
    monkeypatch.setattr(moments_cost, "MOST", 8)
    assert all(figure.value >= 0 for figure in moments_cost.run(tmp_path, 1))


def test_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_cost, "SIZES", ((4, 20),))
    (row,) = feed_cost.run(tmp_path, 3)
    assert row.statements > row.deep_statements > 0


def test_denials(tmp_path: Path) -> None:
    rows = denial_timing.run(tmp_path, 3)
    assert all(row.calls == 3 and row.answer_ms > 0 for row in rows)


def test_room_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_growth, "DAYS", 3 * store_growth.KEEP_DAYS)
    first, second, third = store_growth.run()
    assert second.kept == third.kept < second.made < third.made
    assert first.kept == first.made
