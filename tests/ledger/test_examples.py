"""The stories of `ledger/examples` come out as they are told; `PREPAY_WRITE_EXAMPLES=1` writes their output anew."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedded.postgres import binaries

FOLDER = Path(__file__).parents[2] / "ledger" / "examples"
STORIES = sorted(path for path in FOLDER.glob("[0-9]*.sql"))


def tell(url: str, story: Path) -> str:
    """What psql shows, with refusals where they happen."""
    script = (FOLDER / "prelude.sql").read_text(encoding="utf-8") + story.read_text(encoding="utf-8")
    psql = [str(binaries() / "psql"), "--no-psqlrc", "--quiet", url]
    ran = subprocess.run(
        psql,
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout.replace("\\set ECHO all\n", "").rstrip() + "\n"


def test_every_story_has_its_output() -> None:
    assert STORIES
    assert {story.stem for story in STORIES} == {out.stem for out in FOLDER.glob("*.out")}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_a_story_comes_out_as_told(story: Path, database: Any) -> None:
    told = tell(database.app_url, story)
    if os.environ.get("PREPAY_WRITE_EXAMPLES"):
        story.with_suffix(".out").write_text(told, encoding="utf-8")
    assert told == story.with_suffix(".out").read_text(encoding="utf-8")
