"""The MTPB protocol, turn by turn, against the strings that it must produce."""

from benchmarks import Case, Format, Problem
from benchmarks.protocol import HUMANEVAL, MTPB
from mtpb.rundir.records import Key
from mtpb.running.conversation import Conversation, turn_of_line

PREAMBLE = "# Import libraries.\n\nimport numpy as np\n\n"


def start(*prompts: str) -> Conversation:
    return Conversation(Key("1", 0, 0), prompts, MTPB, max_new_tokens=128)


def test_history_is_the_official_one() -> None:
    talk = start("Assign 3 to x.", "Print x.")
    assert talk.prompt == PREAMBLE + "# Assign 3 to x.\n"
    talk = talk.receive("x = 3\n# and then", 9, "stop")
    assert talk.prompt == PREAMBLE + "# Assign 3 to x.\nx = 3\n\n\n# Print x.\n"


def test_program_is_the_finished_history() -> None:
    talk = start("Print 1.").receive("print(1)", 4, "eos")
    assert talk.prompt is None
    assert talk.sample.program == PREAMBLE + "# Print 1.\nprint(1)\n\n"


def test_turn_keeps_what_the_stop_rule_cuts_away() -> None:
    (turn,) = start("Print 1.").receive("print(1)\nprint(2)", 8, "stop").turns
    assert (turn.completion, turn.text) == ("print(1)\nprint(2)", "print(1)\n")


def test_conversation_ends_where_no_room_is_left() -> None:
    talk = start("a", "b", "c").receive("x = 1", 3, "stop").receive("", 0, "context")
    assert talk.ended
    assert talk.prompt is None
    assert talk.sample.program.endswith("# b\n\n\n")


def test_conversation_goes_on_after_using_the_last_room() -> None:
    assert not start("a", "b").receive("x = 1", 3, "context").ended


def test_function_prompt_is_used_as_it_is() -> None:
    talk = Conversation(Key("f", 0, 0), ('def f(x):\n    """{}"""\n',), HUMANEVAL, 512)
    assert talk.prompt == 'def f(x):\n    """{}"""\n'
    done = talk.receive("    return x\n\nprint(f(1))", 9, "stop")
    assert done.sample.program == 'def f(x):\n    """{}"""\n    return x\n'


def test_failing_line_is_found_in_its_turn() -> None:
    sample = (
        start("a", "b\nc").receive("x = 1\ny = 2", 3, "stop").receive("1 / 0", 3, "stop").sample
    )
    turns = [
        turn_of_line(sample, MTPB, number) for number in range(1, sample.program.count("\n") + 1)
    ]
    assert turns == [None] * 4 + [0] * 4 + [1] * 4
    line = sample.program[: sample.program.index("1 / 0")].count("\n") + 1
    assert turn_of_line(sample, MTPB, line) == 1


def test_single_turn_asks_once() -> None:
    problem = Problem("1", "p", "math", ("Assign {A} to x.", "Print x."), (Case({"A": 3}, 3),))
    assert problem.prompts(problem.cases[0], Format.single_turn) == ("Assign 3 to x. Print x.",)
