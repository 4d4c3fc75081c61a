"""Suites that come from a hub: one's own, and the public ones with the pinned content."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.data_hub import serving

OWN = {"id": "add", "prompts": ["Print {A}."], "inputs": [{"A": 1}], "outputs": [1]}
SPLITS = b"""---
configs:
- config_name: full
  data_files:
  - {split: prompt, path: prompt.parquet}
  - {split: test, path: test.parquet}
---
"""
# the libraries read their variables when they are imported, hence a process of its own
CLIENT = """
import json, sys
from benchmarks import BenchmarkError, load
said = {}
for suite, path in json.loads(sys.argv[1]):
    try:
        loaded = load(suite, path)
        said[path or suite] = [loaded.name, len(loaded.problems)]
    except BenchmarkError as error:
        said[path or suite] = str(error)
print(json.dumps(said))
"""


def loaded(url: str, home: Path, *asked: tuple[str, str | None]) -> dict[str, object]:
    """What becomes of loading suites from a hub: name and number of problems, or the error."""
    outer = {name: v for name, v in os.environ.items() if not name.startswith("HF_")}
    own = {"HF_ENDPOINT": url, "HF_HOME": str(home / "hf"), "MTPB_CACHE": str(home / "mtpb")}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(asked)],
        env=outer | own | {"NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def line(**record: object) -> bytes:
    return json.dumps(record).encode() + b"\n"


def test_suites_of_ones_own_come_from_the_hub_or_one_error_says_why_not(tmp_path: Path) -> None:
    wrong = {key: value for key, value in OWN.items() if key != "outputs"}
    hub = {"me/mine": {"test.jsonl": line(**OWN)}, "me/wrong": {"test.jsonl": line(**wrong)}}
    paths = ["hf://me/mine", "hf://me/wrong", "hf://me/none"]
    with serving(hub) as url:
        said = loaded(url, tmp_path, *(("custom", path) for path in paths))
    assert said["hf://me/mine"] == ["mine", 1]
    assert said["hf://me/wrong"] == (
        "hf://me/wrong:1: key 'outputs' is missing: expected a list with a value for each of the "
        "1 inputs"
    )
    assert str(said["hf://me/none"]).startswith("cannot fetch the data set me/none (Dataset")
    assert "; check benchmark.path=hf://me/none, or give a local" in str(said["hf://me/none"])
    assert "\n" not in str(said["hf://me/none"])


def test_public_suites_come_from_the_hub_and_then_from_the_cache(
    data_dir: Path, tmp_path: Path
) -> None:
    plus = gzip.decompress((data_dir / "HumanEvalPlus-OriginFmt.jsonl.gz").read_bytes())
    lines = (data_dir / "mbpp.jsonl").read_text().splitlines()
    mbpp = pa.Table.from_pylist([json.loads(line) for line in lines])
    hub = {
        "evalplus/humanevalplus": {"test.jsonl": plus},
        "google-research-datasets/mbpp": {
            "README.md": SPLITS,
            "prompt.parquet": parquet(mbpp.slice(0, 10)),
            "test.parquet": parquet(mbpp.slice(10, 500)),
        },
    }
    asked: list[tuple[str, str | None]] = [("humanevalplus", None), ("mbpp", None)]
    expected = {"humanevalplus": ["humanevalplus", 164], "mbpp": ["mbpp", 500]}
    with serving(hub) as url:
        assert loaded(url, tmp_path, *asked) == expected
    assert loaded("http://127.0.0.1:1", tmp_path, *asked) == expected
