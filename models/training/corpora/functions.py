"""Functions in the form of single-turn benchmarks: signature, docstring with examples, body."""

import random
import re

from models.training.corpora import words
from models.training.corpora.algorithms import ALGORITHMS, Algorithm
from models.training.corpora.conversations import (
    DraftConversation,
    Rejected,
    WrittenFunction,
    affordable,
    draw_phrase,
    draw_skill,
    function_name,
    kind_of,
    skills_for,
    write_function,
)
from models.training.corpora.heldout import is_held_out
from models.training.corpora.phrasing import Voice
from models.training.corpora.skills import Skill, expand

MODERN = {
    "int": "int", "float": "float", "bool": "bool", "str": "str",
    "ints": "list[int]", "strs": "list[str]", "dict": "dict[str, int]",
    "matrix": "list[list[int]]", "other": "list",
}  # fmt: skip
TYPING = {
    **MODERN, "ints": "List[int]", "strs": "List[str]", "dict": "Dict[str, int]",
    "matrix": "List[List[int]]",
}  # fmt: skip

SENTENCES = (
    "Return {p}.",
    "Return {p}.",
    "Returns {p}.",
    "Compute {p}.",
    "Find {p}.",
    "Return {p}",
    "Given {params}, return {p}.",
    "Takes {params} and returns {p}.",
    "For {params}, return {p}.",
    "This function returns {p}.",
    "The function takes {params} and should return {p}.",
)
ACTIONS = (
    "{p} and return the result.",
    "{p}.",
    "{p} and return it.",
    "Given {params}, {p} and return the result.",
)
ENDINGS = (
    "print({call})",
    'if __name__ == "__main__":\n    print({call})',
    "# example\nprint({call})",
    "assert {call} == {value}",
)


def usual_function(rng: random.Random) -> str:
    """As `function`, with common tasks."""
    return function(rng, usual=True)


def function(rng: random.Random, usual: bool = False) -> str:
    """One document: one or two functions, sometimes followed by a line that ends the body."""
    while True:
        try:
            parts = [_one(rng, usual) for _ in range(1 if rng.random() < 0.7 else 2)]
        except Rejected:
            continue
        typed = any("List[" in text or "Dict[" in text for text, _ in parts)
        head = "from typing import List, Dict\n\n\n" if typed else ""
        text = head + "\n\n\n".join(source for source, _ in parts)
        if rng.random() < 0.4:
            text += "\n\n\n" + rng.choice(ENDINGS).format(
                call=parts[-1][1][0], value=parts[-1][1][1]
            )
        return text + "\n"


def _one(rng: random.Random, usual: bool) -> tuple[str, tuple[str, str]]:
    """The function's source, and a call of it with the value."""
    voice = Voice(rng.choice(("", "", "`", '"')), "", rng.choice(("'", '"')), 0.0)
    if usual:
        voice = Voice("", "", '"', 0.0, usual=True)
    item, phrase, is_action = draw_item(voice, rng)
    name = function_name(item, rng)
    written = write_function(item, phrase, name, rng)
    talk = DraftConversation(rng, voice)
    talk.add("", written.source)
    calls = _calls(talk, name, written, rng)
    template = rng.choice(ACTIONS if is_action else SENTENCES)
    said = template.replace("{params}", written.described(voice, rng)).replace(
        "{p}", written.phrase(phrase, "{params}" in template, voice, rng)
    )
    said = re.sub(r" +", " ", said).replace(" .", ".").replace(" ,", ",").strip()
    said = said[0].upper() + said[1:]
    if is_held_out(said):
        raise Rejected
    style = rng.choice((None, MODERN, MODERN, TYPING))
    return _signature(name, written, item.gives, style) + _docstring(
        said, calls, rng
    ) + written.body, calls[0]


def draw_item(voice: Voice, rng: random.Random) -> tuple[Skill | Algorithm, str, bool]:
    """What the function does, a phrase for it, and whether the phrase is an action."""
    if rng.random() < 0.2:
        algorithm = rng.choice(ALGORITHMS)
        return algorithm, rng.choice(algorithm.nouns), False
    groups = [group for group in skills_for(voice) if group not in (("bool",), ("dict", "strs"))]
    weights = [3.0 if len(group) == 1 else 1.0 for group in groups]
    skill = draw_skill(rng.choices(groups, weights)[0], voice, rng)
    phrase, is_action = draw_phrase(skill, rng)
    return skill, expand(phrase, rng), is_action


def _calls(
    talk: DraftConversation, name: str, written: WrittenFunction, rng: random.Random
) -> list[tuple[str, str]]:
    """Up to three calls with their values. Raises Rejected where too many inputs fail."""
    calls: list[tuple[str, str]] = []
    for _ in range(8):
        arguments = [words.value(kind, rng) for kind in written.takes]
        call = f"{name}({', '.join(map(repr, arguments))})"
        if len(call) > 70 or not affordable(written.source, *arguments):
            continue
        try:
            value = talk.evaluate(call)
        except Rejected:
            continue
        if kind_of(value) == "float" and len(repr(value)) > 8:
            continue
        calls.append((call, repr(value)))
        if len(calls) == 3:
            return calls
    if not calls:
        raise Rejected
    return calls


def _signature(
    name: str, written: WrittenFunction, gives: str, style: dict[str, str] | None
) -> str:
    if style is None:
        return f"def {name}({', '.join(written.parameters)}):\n"
    parameters = ", ".join(
        f"{p}: {style[k]}" for p, k in zip(written.parameters, written.takes, strict=True)
    )
    return f"def {name}({parameters}) -> {style[gives]}:\n"


def _docstring(said: str, calls: list[tuple[str, str]], rng: random.Random) -> str:
    quotes = '"""' if '"' in said or rng.random() < 0.8 or "'" in said else "'''"
    shown = calls[: rng.choice((0, 1, 1, 2, 2, 3))]
    opening = rng.choice(("", "", " ", "\n    "))
    if not shown and rng.random() < 0.6:
        return f"    {quotes}{opening}{said}{' ' if opening == ' ' else ''}{quotes}\n".replace(
            "\n    " + quotes, quotes
        )
    lines = [f"    {quotes}{opening}{said}"]
    if shown and rng.random() < 0.4:
        lines.append("")
    for call, value in shown:
        lines += [f"    >>> {call}", f"    {value}"]
    return "\n".join([*lines, f"    {quotes}\n"])
