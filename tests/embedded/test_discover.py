"""Which database and Temporal a command talks to."""

from pathlib import Path

import pytest

from embedded.discover import StackNotRunning, environment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREPAY_DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


class TestNoStackRuns:
    def test_with_nothing_set_it_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(StackNotRunning, match="start it with `prepay up`"):
            environment(tmp_path)

    @pytest.mark.parametrize("temporal", ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"])
    def test_a_temporal_alone_is_not_enough(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporal: str
    ) -> None:
        monkeypatch.setenv(temporal, "named")
        with pytest.raises(StackNotRunning):
            environment(tmp_path)

    @pytest.mark.parametrize("temporal", ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", None])
    def test_a_database_of_ones_own_is_enough(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporal: str | None
    ) -> None:
        monkeypatch.setenv("PREPAY_DATABASE_URL", "postgresql://book.example/prepay")
        if temporal:
            monkeypatch.setenv(temporal, "named")
        assert environment(tmp_path) == {}
