"""The run directory: nothing lost, nothing mixed, whole after any crash."""

import ctypes
import errno
import fcntl
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mtpb.errors import UsageError
from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import Key, Sample, Turn, Verdict, VerdictStatus
from mtpb.rundir.store import RunDirectory, RunWriter
from tests.mtpb.runs import manifest_of

MANIFEST = replace(manifest_of({"p": [[True, True]]}), identity={"seed": 0, "sampling.n": 2})


def sample(number: int, text: str = "print(1)") -> Sample:
    return Sample("p", 0, number, (Turn("Print 1.", text, text, 4, "stop"),), text)


def verdict(number: int) -> Verdict:
    return Verdict(
        "p",
        0,
        number,
        False,
        VerdictStatus.exception,
        "no",
        0,
        1,
        0.1,
        0.2,
        {"official": True, "strict": False},
    )


def write(path: Path, *numbers: int) -> None:
    with RunWriter(path, MANIFEST, "seed: 0\n") as writer:
        for number in numbers:
            writer.add_sample(sample(number))


@pytest.mark.parametrize("text", ["plain", 'quote " and \\', "\ud800 lone", "é\n\r\t\x00", "🐍"])
def test_sample_survives_its_line(text: str) -> None:
    line = sample(0, text).to_json()
    assert "\n" not in line
    assert Sample.from_json(line) == sample(0, text)


def test_verdict_survives_its_line() -> None:
    assert Verdict.from_json(verdict(3).to_json()) == verdict(3)


def test_verdict_of_a_function_suite_has_no_scorers_keys() -> None:
    plain = Verdict("p", 0, 0, True, VerdictStatus.passed, "", None, None, 0.1, 0.2)
    assert not {"official", "strict"} & set(json.loads(plain.to_json()))


def test_resume_finds_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, 0, 1)
    with RunWriter(tmp_path, MANIFEST, "") as writer:
        assert list(writer.samples) == [Key("p", 0, 0), Key("p", 0, 1)]


def test_half_a_line_is_dropped_on_resume_and_skipped_by_readers(tmp_path: Path) -> None:
    write(tmp_path, 0, 1)
    path = tmp_path / "samples.jsonl"
    os.truncate(path, path.stat().st_size - 5)
    assert [s.sample for s in RunDirectory(tmp_path).samples()] == [0]
    write(tmp_path, 1)
    assert [s.sample for s in RunDirectory(tmp_path).samples()] == [0, 1]


def test_broken_line_is_named(tmp_path: Path) -> None:
    write(tmp_path, 0)
    with (tmp_path / "samples.jsonl").open("a") as file:
        file.write("{]\n")
    with pytest.raises(UsageError, match=r"samples\.jsonl:2: not a line of JSON"):
        write(tmp_path)


def test_other_configuration_is_refused_with_the_differing_keys(tmp_path: Path) -> None:
    write(tmp_path, 0, 1)
    other = replace(MANIFEST, identity={"seed": 0, "sampling.n": 1})
    with pytest.raises(UsageError, match=r"sampling\.n: 2 there, 1 now") as refusal:
        RunWriter(tmp_path, other, "")
    assert "seed" not in str(refusal.value)


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        write(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="output="):
        write(tmp_path / "file")


def test_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        RunWriter(tmp_path, MANIFEST, ""),
        pytest.raises(UsageError, match="another process"),
    ):
        RunWriter(tmp_path, MANIFEST, "")


def test_lock_is_on_a_file_open_for_writing(tmp_path: Path) -> None:
    """As NFS wants it for locks that hold between machines."""
    with RunWriter(tmp_path, MANIFEST, ""), (tmp_path / ".lock").open("r+") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = [fd for fd in os.listdir("/proc/self/fd") if _is(fd, tmp_path / ".lock")]
        modes = {fcntl.fcntl(int(fd), fcntl.F_GETFL) & os.O_ACCMODE for fd in held}
    assert modes == {os.O_RDWR}


def _is(descriptor: str, path: Path) -> bool:
    return os.path.realpath(f"/proc/self/fd/{descriptor}") == os.path.realpath(path)


@pytest.mark.parametrize("missing", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks_is_refused(
    missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(missing, os.strerror(missing))

    monkeypatch.setattr(fcntl, "flock", refuse)  # there is none on this machine
    with pytest.raises(UsageError, match=f"no locks .{os.strerror(missing)}.*choose an output"):
        write(tmp_path, 0)
    assert os.listdir(tmp_path) == [".lock"]


def test_read_only_results_are_read_and_not_written(tmp_path: Path) -> None:
    write(tmp_path, 0)
    tmp_path.chmod(0o555)
    script = f"""
from pathlib import Path
from mtpb.errors import UsageError
from tests.mtpb.rundir.test_store import RunDirectory, sample, write
path = Path({str(tmp_path)!r})
assert list(RunDirectory(path).samples()) == [sample(0)]
(path / ".lock").chmod(0o444)
try:
    write(path, 1)
except UsageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        preexec_fn=_let_permissions_hold,
    )  # fmt: skip
    assert done.stdout.startswith(f"output={tmp_path}: cannot be written (Permission denied)")


def _let_permissions_hold() -> None:
    """Also for root, from the next exec on."""
    drop_from_bounding_set, overrides_permissions = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, overrides_permissions, 0, 0, 0)


def test_order_is_canonical_at_the_end(tmp_path: Path) -> None:
    with RunWriter(tmp_path, MANIFEST, "") as writer:
        for number in (2, 0, 1):
            writer.add_sample(sample(number))
            writer.add_verdict(verdict(number))
        writer.put_in_order([sample(number) for number in range(3)])
    run = RunDirectory(tmp_path)
    assert [s.sample for s in run.samples()] == [0, 1, 2]
    assert [v.sample for v in run.verdicts()] == [0, 1, 2]


def test_throughput_adds_up_over_restarts(tmp_path: Path) -> None:
    for _ in range(2):
        with RunWriter(tmp_path, MANIFEST, "") as writer:
            writer.add_sample(sample(0))
            writer.add_throughput(Throughput(tokens=5))
    total = MANIFEST.throughput + Throughput(tokens=10)
    assert RunDirectory(tmp_path).manifest().throughput == total


@pytest.mark.parametrize(
    ("write_more", "file"),
    [
        ("writer.add_sample(sample(2))", "samples.jsonl"),
        ("writer.put_in_order([sample(n) for n in range(2)])", "samples.jsonl"),
        ("writer.add_throughput(Throughput(tokens=5))", "manifest.json"),
    ],
)
def test_full_disk_loses_nothing_that_was_written(
    write_more: str, file: str, tmp_path: Path
) -> None:
    """A file size limit stands in for a full disk: the kernel refuses the write halfway."""
    script = f"""
import resource, signal
from pathlib import Path
from tests.mtpb.rundir.test_store import MANIFEST, RunWriter, Throughput, sample
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with RunWriter(Path({str(tmp_path)!r}), MANIFEST, "") as writer:
    writer.add_sample(sample(1))
    writer.add_sample(sample(0))
    size = (Path({str(tmp_path)!r}) / "samples.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 5, size - 5))
    {write_more}
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert f"{file}: cannot be written (File too large)" in run.stderr
    lines = [sample(number).to_json() + "\n" for number in (1, 0)]
    assert (tmp_path / "samples.jsonl").read_text() == "".join(lines)
    assert RunDirectory(tmp_path).manifest().throughput == MANIFEST.throughput
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "[" * 100_000,
        '{"problem": "p", "case": 0, "sample": -3, "turns": [], "program": ""}',
        '{"problem": "p", "case": 0, "sample": 100000000000000000000, "turns": [], "program": ""}',
        '{"problem": "p", "case": true, "sample": 0, "turns": [], "program": ""}',
        '{"problem": "p", "case": 0, "sample": 0, "turns": [5], "program": ""}',
    ],
)
def test_line_that_is_no_sample_is_one_error(line: str) -> None:
    with pytest.raises(UsageError):
        Sample.from_json(line)


def test_directory_in_which_nothing_came_to_be_may_become_another_runs(tmp_path: Path) -> None:
    write(tmp_path)
    other = replace(MANIFEST, identity={"seed": 1})
    with RunWriter(tmp_path, other, ""):
        assert RunDirectory(tmp_path).manifest().identity == {"seed": 1}


def test_directory_of_another_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 0)
    (tmp_path / "manifest.json").write_text('{"schema_version": 2, "identity": {}}')
    with pytest.raises(UsageError, match="schema_version 2"):
        write(tmp_path)
