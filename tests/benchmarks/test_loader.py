"""Suites from files, from the net and from the cache; what is said where something is wrong."""

import gzip
import http.server
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import BenchmarkError, load
from benchmarks.loader import cache_directory

PROBLEM = {
    "id": "1",
    "name": "Sum",
    "category": "math",
    "prompts": ["Let x be {A}.", "Print x."],
    "inputs": [{"A": 1}, {"A": 2}],
    "outputs": [1, 2],
}


class Site:
    """A web site on loopback: what it serves, and what was asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut_short = False
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.pages.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write((body or b"")[: 100 if site.cut_short else None])

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def written(folder: Path, *records: object) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_public_files_have_the_published_content(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mtpb = load("mtpb", data_dir / "mtpb.jsonl")
    humaneval = load("humaneval", data_dir / "HumanEval.jsonl.gz")
    assert (len(mtpb.problems), len(humaneval.problems)) == (115, 164)
    assert not caplog.records


def test_malformed_problem_57_has_five_cases(data_dir: Path) -> None:
    cases = load("mtpb", data_dir / "mtpb.jsonl").problem("57").cases
    assert [case.expected for case in cases] == [1, 5, 1, 2, 10010]


def test_problems_without_max_gen_length_get_the_default(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    unset = [problem.id for problem in suite.problems if problem.max_new_tokens is None]
    assert unset == [str(number) for number in range(39, 46)]
    assert suite.problem("39").token_budget(suite.protocol.max_new_tokens) == 256


def test_prompts_keep_newlines_and_spaces(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    assert suite.problem("17").turns[0].count("\n") == 4
    assert suite.problem("58").turns[1].endswith(" ")


def test_libraries_are_those_that_the_prompts_name(data_dir: Path) -> None:
    assert load("mtpb", data_dir / "mtpb.jsonl").libraries == ("numpy", "pandas", "sklearn")
    assert load("humaneval", data_dir / "HumanEval.jsonl.gz").libraries == ()


def test_other_content_is_said_once_and_has_its_own_hash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = load("mtpb", written(tmp_path, PROBLEM))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "not the published mtpb" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert suite.sha256 != load("mtpb", written(tmp_path, PROBLEM | {"id": "2"})).sha256


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("own.jsonl", "own"),
        ("own.v2.jsonl.gz", "own.v2"),
        ("my problems", "my_problems"),
        ("mtpb.jsonl", "mtpb-custom"),
        ("HumanEval.jsonl", "HumanEval-custom"),
        ("starter.jsonl.gz", "starter-custom"),
        (".jsonl", "custom"),
    ],
)
def test_other_content_is_called_as_its_file_but_never_as_a_suite(
    file: str, name: str, tmp_path: Path
) -> None:
    path = written(tmp_path, PROBLEM).rename(tmp_path / file)
    suite = load("mtpb", path)
    assert (suite.name, suite.suite) == (name, "mtpb")
    assert not suite.known_errata


def test_a_path_may_be_text(tmp_path: Path) -> None:
    assert load("mtpb", str(written(tmp_path, PROBLEM))).name == "own"


def test_a_suites_name_is_for_its_published_content(tmp_path: Path) -> None:
    own = written(tmp_path, PROBLEM)
    assert load("mtpb", own, name="mine").name == "mine"
    for name in ("mtpb", "MTPB", "starter", "a/b", ".."):
        with pytest.raises(BenchmarkError, match=r"^benchmark.name="):
            load("mtpb", own, name=name)
    with pytest.raises(BenchmarkError, match="the published starter"):
        load("starter", name="mine")


def test_hash_depends_on_content_alone(tmp_path: Path) -> None:
    plain = load("mtpb", written(tmp_path, PROBLEM))
    other = dict(reversed(PROBLEM.items())) | {"remark": "not part of the problem"}
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(b"\n" + json.dumps(other, indent=None).encode() + b"\r\n"))
    assert load("mtpb", packed).sha256 == plain.sha256


def test_numbers_as_ids_become_text(tmp_path: Path) -> None:
    suite = load("mtpb", written(tmp_path, PROBLEM | {"id": 7}))
    assert suite.problems[0].id == "7"
    with pytest.raises(BenchmarkError, match="own has no problem '8'"):
        suite.problem("8")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BenchmarkError, match="no benchmark 'apps'; there are mtpb, humaneval"):
        load("apps")


FAULTS = [
    (
        {"prompts": ["a", 3]},
        r"own.jsonl:2: key 'prompts': expected a list of strings, got \['a'",
    ),
    ({"prompts": "abc"}, "key 'prompts': expected a list of strings, got 'abc'"),
    ({"prompts": []}, "key 'prompts': expected at least one string"),
    ({"prompts": ["{B}"]}, "turn 1 cannot be filled from the input of case 0: KeyError: 'B'; give"),
    ({"prompts": ["{"]}, "turn 1 cannot be filled .* ValueError"),
    ({"prompts": ["{}"]}, "turn 1 cannot be filled .* IndexError"),
    ({"inputs": [3]}, "key 'inputs': expected a list of objects, one a case, got"),
    ({"inputs": []}, "key 'inputs': expected at least one case"),
    ({"outputs": [1]}, "key 'outputs': expected a list with a value for each of the 2 inputs"),
    ({"max_gen_length": 0}, "key 'max_gen_length': expected a whole number of at least 1, got 0"),
    ({"max_gen_length": True}, "expected a whole number of at least 1, got True"),
    ({"name": 3}, "key 'name': expected a string, got 3"),
    ({"id": None}, "key 'id': expected a string, got None"),
    ({"id": "1"}, "own.jsonl:2: a second problem with the id '1'"),
    ({"reference": ["x"]}, "key 'reference': expected one text for each of the 2 prompts"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_wrong_records_are_named_by_line_and_key(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = written(tmp_path, PROBLEM, PROBLEM | {"id": "2"} | change)
    with pytest.raises(BenchmarkError, match=message):
        load("mtpb", path)


def test_missing_keys_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, {"task_id": "1", "prompt": "def f():"})
    with pytest.raises(BenchmarkError, match=r"own.jsonl:1: key 'entry_point' is missing"):
        load("humaneval", path)


def test_a_test_that_tests_nothing_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, {"task_id": "1", "prompt": "def f():", "entry_point": "f", "test": ""})
    with pytest.raises(BenchmarkError, match=r"own.jsonl:1: key 'test': expected code that"):
        load("custom", path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"id": "1",}', r"own.jsonl:1: not valid JSON"),
        (b"[1]", r"own.jsonl:1: expected a JSON object \(a problem\), got list"),
        (b"\n\n", "own.jsonl: no problem in it"),
        (b"\xff\xfe", "own.jsonl: not UTF-8 text"),
        (b"\x1f\x8b\x08", "own.jsonl: cannot be read"),
        (gzip.compress(b"{}" * 100, mtime=0)[:-9], "own.jsonl: cannot be read"),
        (b"[" * 100_000, "own.jsonl:1: not valid JSON"),
    ],
)
def test_broken_files_are_one_clear_error(tmp_path: Path, body: bytes, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(body)
    with pytest.raises(BenchmarkError, match=message):
        load("mtpb", path)


def test_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"nowhere: cannot be read \(No such file"):
        load("mtpb", tmp_path / "nowhere")


def test_fetched_suite_is_cached_and_equals_the_file(
    site: Site, data_dir: Path, tmp_path: Path
) -> None:
    site.pages["/mtpb.jsonl"] = (data_dir / "mtpb.jsonl").read_bytes()
    first = load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path)
    again = load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path)
    assert site.asked == ["/mtpb.jsonl"]
    assert first.problems == again.problems == load("mtpb", data_dir / "mtpb.jsonl").problems
    assert first.sha256 == again.sha256


@pytest.mark.parametrize("damage", [b"", b"{", b'{"task": 1}\n', b"\xff"])
def test_damaged_cache_is_fetched_again(
    site: Site, data_dir: Path, tmp_path: Path, damage: bytes
) -> None:
    site.pages["/mtpb.jsonl"] = (data_dir / "mtpb.jsonl").read_bytes()
    load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(damage)
    assert len(load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path).problems) == 115
    assert len(site.asked) == 2


def test_fetched_content_must_be_the_published_one(site: Site, tmp_path: Path) -> None:
    site.pages["/mtpb.jsonl"] = json.dumps(PROBLEM).encode()
    with pytest.raises(BenchmarkError, match=r"other content than expected.*benchmark.path=FILE"):
        load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_half_a_download_is_an_error(site: Site, data_dir: Path, tmp_path: Path) -> None:
    site.pages["/mtpb.jsonl"] = (data_dir / "mtpb.jsonl").read_bytes()
    site.cut_short = True
    with pytest.raises(BenchmarkError, match="100 bytes came, 87959 announced"):
        load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path)


@pytest.mark.parametrize("place", ["/missing", ":1/refused", "://"])
def test_no_network_says_what_to_do(site: Site, tmp_path: Path, place: str) -> None:
    origin = site.address + place if place == "/missing" else f"http://127.0.0.1{place}"
    with pytest.raises(BenchmarkError, match=r"^mtpb: cannot fetch http.*benchmark.path=FILE$"):
        load("mtpb", origin=origin, cache=tmp_path)


def test_unwritable_cache_is_no_fault(
    site: Site, data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.pages["/mtpb.jsonl"] = (data_dir / "mtpb.jsonl").read_bytes()
    (tmp_path / "file").touch()
    suite = load("mtpb", origin=f"{site.address}/mtpb.jsonl", cache=tmp_path / "file")
    assert len(suite.problems) == 115
    assert "could not be kept" in caplog.text


def test_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTPB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_directory() == Path("/somewhere/mtpb")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == Path.home() / ".cache" / "mtpb"
    monkeypatch.setenv("MTPB_CACHE", "/elsewhere")
    assert cache_directory() == Path("/elsewhere")


def test_a_user_without_a_home_is_asked_for_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where HOME is not set either, as in a container that runs as an unknown user."""
    for name in ("MTPB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(BenchmarkError, match="set MTPB_CACHE"):
        cache_directory()


def test_humaneval_comes_through_datasets_with_the_same_hash(
    data_dir: Path, tmp_path: Path
) -> None:
    """A folder laid out as the hub's data set, loaded by the real library in its own process."""
    code = (
        "import gzip, json, sys; from pathlib import Path; import datasets; import benchmarks;"
        "data, folder = map(Path, sys.argv[1:]);"
        "rows = list(map(json.loads, gzip.open(data / 'HumanEval.jsonl.gz')));"
        "datasets.disable_progress_bars();"
        "datasets.Dataset.from_list(rows).to_parquet(folder / 'hub' / 'test-0-of-1.parquet');"
        "suite = benchmarks.load('humaneval', origin=str(folder / 'hub'), cache=folder / 'kept');"
        "local = benchmarks.load('humaneval', data / 'HumanEval.jsonl.gz');"
        "print(suite.problems == local.problems)"
    )
    (tmp_path / "hub").mkdir()
    result = run(code, tmp_path, data_dir, tmp_path, HF_HUB_OFFLINE="1")
    assert result.stdout == "True\n"
    assert result.stderr == ""


def test_hub_out_of_reach_says_what_to_do_at_once(tmp_path: Path) -> None:
    code = "import benchmarks; benchmarks.load('humaneval')"
    result = run(code, tmp_path, HF_ENDPOINT="http://127.0.0.1:1")
    last = result.stderr.splitlines()[-1]
    assert "BenchmarkError: humaneval: cannot fetch the data set openai/openai_humaneval" in last
    assert last.endswith("give a local copy with benchmark.path=FILE")
    assert "Retrying" not in result.stderr


def run(
    code: str, folder: Path, *arguments: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"HF_HOME": str(folder / "hf"), "HOME": str(folder), **environment},
        cwd=Path(__file__).parents[2],
    )
