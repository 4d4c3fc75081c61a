"""Run directories that look like real ones, with hostile completions, made in no time."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtpb.rundir.records import Sample, Turn, Verdict, VerdictStatus
from tests.mtpb.runs import IDENTITY

HOSTILE = (
    "x = '</script><script>document.title = \"owned\"</script>'\n",
    "# <img src=x onerror=\"document.title='owned'\">\nprint('<!--')\n",
    "s = '\u2028 \\ud800 \x00 \x1b[31m'\n",
    "print(`${alert(1)}` {{ 7 * 7 }} {% raw %})\n",
    'text = """never closed\n',
    'value = \'日本語 🙂\' + "\\"" * ' + "9" * 300 + "\n",
)
LINES = (
    "numbers = [int(x) for x in {a}]\n",
    "total = sum(numbers)\n",
    "result = np.array(numbers) / total * 100\n",
    "def helper(value, scale=1.5):\n    # scaled, rounded\n    return round(value * scale, 2)\n",
    "words = 'the quick brown fox'.split()\n",
    "for i, w in enumerate(sorted(words, key=len)):\n    table[i] = f'{w!r:>10}'\n",
    "@dataclass\nclass Point:\n    x: float\n    y: float = 0x1F\n",
    "print(result)\n",
)
CATEGORIES = ("array", "string", "math", "data <science>", "algorithm")
FAILURES = (
    (VerdictStatus.wrong_answer, "printed [1, 2] (list), expected [1, 2, 3]"),
    (VerdictStatus.exception, "NameError: name 'total' is not defined"),
    (VerdictStatus.syntax_error, "SyntaxError: invalid syntax"),
    (VerdictStatus.timeout, "stopped after 10 s of CPU time"),
    (VerdictStatus.no_output, "nothing was printed"),
)


@dataclass(frozen=True)
class Spec:
    """What to make. `skill` is about the pass rate."""

    model: str = "codegen-4M-mono"
    size: str = "4M"
    data: str = "mono"
    parameters: int = 4_000_000
    benchmark: str = "toy"
    sha256: str = "cc"
    format: str = "multi_turn"
    functions: bool = False
    problems: int = 6
    cases: int = 2
    n: int = 4
    temperature: float = 0.2
    skill: float = 0.5
    lines: int = 2
    seed: int = 0
    difficulty: tuple[str, ...] = ()  # that the problems state, in turns
    random_text: bool = False  # which no compression makes much shorter


def make_run(path: Path, spec: Spec = Spec()) -> Path:
    """Writes a run directory without the store's care, which would take long for many samples."""
    rng = random.Random(f"{spec}")
    path.mkdir(parents=True)
    manifest = manifest_of(spec)
    (path / "manifest.json").write_text(json.dumps(manifest))
    with (path / "samples.jsonl").open("w") as samples, (path / "verdicts.jsonl").open("w") as out:
        for number, problem in enumerate(manifest["benchmark"]["problems"]):
            for case in range(len(problem["cases"])):
                for index in range(spec.n):
                    sample = _sample(rng, spec, problem, case, index)
                    samples.write(sample.to_json() + "\n")
                    out.write(_verdict(rng, spec, sample, number).to_json() + "\n")
    return path


def with_identity(run: Path, **changes: Any) -> Path:
    """The run with other entries of its identity; two underscores are a dot."""
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"] |= {key.replace("__", "."): value for key, value in changes.items()}
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def manifest_of(spec: Spec) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "identity": IDENTITY | {"benchmark.name": spec.benchmark, "seed": spec.seed},
        "model": {
            "name": spec.model,
            "path": spec.model,
            "data": spec.data,
            "size": spec.size,
            "parameters": spec.parameters,
        },
        "benchmark": {
            "name": spec.benchmark,
            "sha256": spec.sha256,
            "format": spec.format,
            "scorers": ["test"] if spec.functions else ["official", "strict"],
            "scorer": "test" if spec.functions else "strict",
            "problems": [_problem(spec, number) for number in range(spec.problems)],
        },
        "sampling": {"n": spec.n, "temperature": spec.temperature, "top_p": 0.95},
        "seed": spec.seed,
        "engine": {"device": "cpu", "dtype": "float32", "slots": 8},
        "throughput": {
            "tokens": 1000,
            "generate_s": 2.0,
            "tokens_per_s": 500.0,
            "programs": 10,
            "judge_s": 1.0,
            "programs_per_s": 10.0,
        },
    }


def _problem(spec: Spec, number: int) -> dict[str, Any]:
    errata = ["wrong_gold"] if number == 3 else []
    expected = None if spec.functions else [1, 2, {"a": "</script>"}]
    case = {"expected": expected, "errata": errata, "clean": not errata}
    return {
        "id": f"HumanEval/{number}" if spec.functions else str(number + 1),
        "name": f"Problem <b>{number}</b>",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "difficulty": spec.difficulty[number % len(spec.difficulty)] if spec.difficulty else None,
        "turns": 1 if spec.functions else 3 + number % 3,
        "cases": [case] * (1 if spec.functions else spec.cases),
    }


def _sample(
    rng: random.Random, spec: Spec, problem: dict[str, Any], case: int, index: int
) -> Sample:
    count = 1 if spec.format == "single_turn" else problem["turns"]
    turns: list[Turn] = []
    for number in range(count):
        text = _text(rng, spec)
        if rng.random() < 0.05:
            text += rng.choice(HOSTILE)
        if rng.random() < 0.1 and turns:
            text = turns[-1].text  # the same text twice in a program
        cut = rng.choice(("", "\n# Next, something else.\nprint(1)\n", "<|endoftext|>"))
        prompt = "def f(a):\n    " if spec.functions else f"Do step {number} with {{a}} & <{case}>."
        turns.append(Turn(prompt, text + cut, text, len(text) // 4, "stop" if cut else "length"))
    return Sample(problem["id"], case, index, tuple(turns), _program(spec, turns))


def _text(rng: random.Random, spec: Spec) -> str:
    if not spec.random_text:
        return "".join(rng.choices(LINES, k=spec.lines))
    letters = [chr(code) for code in range(32, 127)]
    return "".join("".join(rng.choices(letters, k=60)) + "\n" for _ in range(spec.lines))


def _program(spec: Spec, turns: Sequence[Turn]) -> str:
    if spec.functions:
        return turns[0].prompt + turns[0].text
    body = "".join(f"# {turn.prompt}\n{turn.text}\n\n" for turn in turns)
    return "# Import libraries.\n\nimport numpy as np\n\n" + body


def _verdict(rng: random.Random, spec: Spec, sample: Sample, number: int) -> Verdict:
    rate = spec.skill * (0.4 + 1.2 * ((number * 7 % spec.problems) / spec.problems))
    passed = rng.random() < rate
    status, detail = (VerdictStatus.passed, "") if passed else rng.choice(FAILURES)
    located = status in (VerdictStatus.exception, VerdictStatus.syntax_error)
    turn = rng.randrange(len(sample.turns)) if located else None
    verdict = Verdict(*sample.key, passed, status, detail, turn, None, round(rng.random(), 4), 0.5)
    if turn is not None:
        verdict = replace(verdict, line=_line(sample, turn))
    if spec.functions:
        return verdict
    return replace(verdict, scores={"official": passed or rng.random() < 0.1, "strict": passed})


def _line(sample: Sample, turn: int) -> int:
    """The first line of a turn's text within the program."""
    at = 0
    for one in sample.turns[: turn + 1]:
        at = sample.program.index(one.prompt, at) + len(one.prompt)
    return sample.program.count("\n", 0, at) + (2 if sample.program[at] == "\n" else 1)


def family(folder: Path, **changes: Any) -> list[Path]:
    """A small study: two sizes × two data variants × both formats, and a function suite."""
    runs = []
    for size, parameters in (("1M", 1_000_000), ("4M", 4_000_000)):
        for data in ("nl", "mono"):
            skill = 0.15 + 0.3 * (size == "4M") + 0.25 * (data == "mono")
            spec = replace(
                Spec(), model=f"codegen-{size}-{data}", size=size, data=data,
                parameters=parameters, skill=skill, **changes,
            )  # fmt: skip
            name = f"{size}-{data}"
            runs.append(make_run(folder / f"multi-{name}", spec))
            single = replace(spec, format="single_turn", skill=skill / 2)
            runs.append(make_run(folder / f"single-{name}", single))
            for t in (0.2, 0.8):
                of = replace(spec, benchmark="functions", functions=True, temperature=t, n=10)
                runs.append(make_run(folder / f"functions-{name}-{t}", of))
    return runs
