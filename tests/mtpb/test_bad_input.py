"""What a user may get wrong: one message that names it, status 2."""

from pathlib import Path

import pytest

from tests.mtpb.commands import call
from tests.mtpb.runs import passes, run_of


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("report runs=[[]] output=out", "runs=[[]]: must be a glob"),
        ("report runs=3 output=out", "runs=3: must be a glob"),
        ("report runs=run output=", "output=: is empty"),
        ("report runs=run output=file", "output=file: is a file"),
        ("compare baseline=run candidate=run output=", "output=: is empty"),
        ("study output=file dry_run=true", "output=file: is a file"),
        ("study output= dry_run=true", "output=: is empty"),
        ("baseline action=list baselines=file", "baselines=file: is a file"),
        ("run engine.threads=9999999", "engine.threads=9999999: must be from 1 to 1024"),
        ("run seed=${nowhere}", "seed: Interpolation key 'nowhere' not found\n"),
        ("run benchmark.path=", "benchmark.path=: is empty"),
        ("score samples=", "samples=: is empty"),
        (
            "report runs='~nobody.here/x' output=out",
            "~nobody.here/x: ~nobody.here is no user's home",
        ),
        ("score samples='~nobody.here/x'", "~nobody.here/x: ~nobody.here is no user's home"),
        ("run output='~nobody.here/x'", "~nobody.here/x: ~nobody.here is no user's home"),
        ("perplexity run=broken", "broken/config.yaml: cannot be read ("),
        ("perplexity run=nowhere", "nowhere/config.yaml: cannot be read (No such file"),
    ],
)
def test_bad_input_is_one_message_and_status_2(line: str, says: str, tmp_path: Path) -> None:
    run_of(tmp_path / "run", {"1": [passes(1, 2)]})
    (tmp_path / "file").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yaml").write_bytes(b"\xff{")
    done = call(*line.split(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {says}")
    assert "Traceback" not in done.stderr


def test_what_a_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    run_of(tmp_path / "run", {"1": [passes(1, 2)]})
    done = call("show", "run=run", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u2500" in done.stdout
