"""The layout of a suite's conversations, its stop rule, and its defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from benchmarks.asking.chat import FUNCTION_CHAT, MULTI_TURN_CHAT, TASK_CHAT, Chat
from benchmarks.asking.feedback import FEEDBACK, Feedback
from benchmarks.stopping import done_stop, humaneval_stop, mbpp_stop, mtpb_stop


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a suite's conversations are laid out and its programs are run.

    A history is `preamble`, then for each turn the wrapped prompt, the completion up to the stop
    rule, and `closing`. The finished history is the program.

    Attributes:
        stop: index at which a completion is cut, None while the rule is not met.
        max_new_tokens: tokens per turn where the problem does not say.
        nl_whitespace_tokens: whether models trained on natural language alone get CodeGen's
            whitespace tokens too, as in the released MTPB sampler, or plain GPT-2 tokens, as in
            its general sampling script.
        cpu_s: seconds of CPU time that a program has.
        scorers: whose verdicts a program gets: `official`, `strict` and `verified` compare what it
            printed; `test`, or `base` and `plus`, are the problem's own tests.
        scorer: the one whose verdict counts unless told otherwise.
        chat: how the suite is asked as a chat, where prompts are messages and no stop rule applies.
        feedback: what a model is told of an attempt that failed, if a run has further attempts.
        prompt_in_program: whether the finished history is the program, or the completions alone.
        name: of a protocol that is not the suite's own.
        libraries: what programs will import beside the libraries that the suite's texts name.
    """

    preamble: str
    before: str
    after: str
    closing: str
    stop: Callable[[str], int | None]
    max_new_tokens: int
    nl_whitespace_tokens: bool
    cpu_s: float
    scorers: tuple[str, ...]
    scorer: str
    chat: Chat
    feedback: Feedback = FEEDBACK
    prompt_in_program: bool = True
    libraries: tuple[str, ...] = ()
    name: str = ""

    def wrap(self, prompt: str) -> str:
        """The prompt as it stands in the history."""
        return f"{self.before}{prompt}{self.after}"

    def turn(self, prompt: str, text: str) -> str:
        """An answered turn as it stands in the history; `text` is the completion after the stop
        rule."""
        return f"{self.wrap(prompt)}{text}{self.closing}"

    def history(self, turns: Iterable[tuple[str, str]]) -> str:
        """The history after turns given as (prompt, text)."""
        return self.preamble + "".join(self.turn(prompt, text) for prompt, text in turns)

    def comments(self, feedback: str) -> str:
        """A message about the attempt before, as it stands in the history before the next one."""
        return "\n\n" + "".join(f"# {line}\n" for line in feedback.splitlines()) + "\n"

    def program(self, turns: Iterable[tuple[str, str]]) -> str:
        """The program that answered turns make."""
        if self.prompt_in_program:
            return self.history(turns)
        return "".join(text for _, text in turns)


MTPB = Protocol(
    preamble="# Import libraries.\n\nimport numpy as np\n\n",
    before="# ",
    after="\n",
    closing="\n\n",
    stop=mtpb_stop,
    max_new_tokens=256,
    nl_whitespace_tokens=True,
    cpu_s=10.0,
    scorers=("official", "strict"),
    scorer="official",
    chat=MULTI_TURN_CHAT,
)

MTPB_VERIFIED = replace(MTPB, scorers=("official", "strict", "verified"), scorer="verified")

HUMANEVAL = Protocol(
    preamble="",
    before="",
    after="",
    closing="",
    stop=humaneval_stop,
    max_new_tokens=512,
    nl_whitespace_tokens=False,
    cpu_s=3.0,
    scorers=("test",),
    scorer="test",
    chat=FUNCTION_CHAT,
)

# 60 s: EvalPlus' own limit on a problem; a call has its own (`benchmarks.records.plus`)
HUMANEVAL_PLUS = replace(HUMANEVAL, cpu_s=60.0, scorers=("base", "plus"), scorer="plus")
# the published solution of problem 123 takes 3 to 4 s
MBPP = replace(HUMANEVAL, stop=mbpp_stop, cpu_s=10.0, chat=TASK_CHAT)
MBPP_PLUS = replace(HUMANEVAL_PLUS, stop=mbpp_stop, chat=TASK_CHAT)
MBPP_THREE_SHOT = replace(MBPP, stop=done_stop, prompt_in_program=False)

# the models made for the starter suites write short turns and have their own whitespace tokens
STARTER = replace(MTPB, max_new_tokens=96, scorer="strict")
STARTER_FUNCTION = replace(HUMANEVAL, max_new_tokens=128, nl_whitespace_tokens=True)

# one's own suites: as the starter suites, with more room
OWN_TURNS = replace(MTPB, scorer="strict")
OWN_FUNCTIONS = HUMANEVAL
