"""Conversations in the form of the multi-turn protocol: a prompt as a comment, then its code.

A conversation is written turn by turn over the variables that exist so far. Each turn's code is
run before it is accepted, so that programs do not fail and values stay small.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.training.corpora import statements, words
from models.training.corpora.algorithms import ALGORITHMS, Algorithm
from models.training.corpora.heldout import is_held_out
from models.training.corpora.phrasing import (
    ASSIGN,
    ASSIGN_NAMELESS,
    ASSIGN_TWO,
    CALL_EACH,
    CALL_NOUNS,
    CALLS,
    FUNCTION_ACTIONS,
    FUNCTIONS,
    KIND_NOUNS,
    MAKERS,
    NAMED,
    PRINT_PHRASE,
    PRINT_RESULT,
    PRINTS,
    STORES,
    USUAL_ASSIGN,
    USUAL_ASSIGN_TWO,
    USUAL_LISTS,
    USUAL_NAMED,
    USUAL_PHRASE,
    USUAL_PRINTS,
    USUAL_STORES,
    USUAL_TABLES,
    VERBS,
    Voice,
    fill,
)
from models.training.corpora.skills import Skill, by_operands, expand, usual_by_operands

PREAMBLE = "# Import libraries.\n\nimport numpy as np\n\n"
KINDS = ("ints", "str", "strs", "int", "dict", "matrix", "float")
KIND_WEIGHTS = (32, 26, 15, 19, 12, 5, 3)
USUAL_KIND_WEIGHTS = (28, 22, 14, 20, 17, 4, 1)


class Rejected(Exception):  # noqa: N818 - control flow of the generators, not an error
    """This turn does not fit here; another one is drawn."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    takes: tuple[str, ...]
    source: str
    nouns: tuple[str, ...]


def _mute(*_: object) -> None:
    """Replaces `print` while conversations are written."""


@dataclass(slots=True)
class DraftConversation:
    """The turns so far, and the variables after them."""

    rng: random.Random
    voice: Voice
    variables: list[Variable] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    namespace: dict[str, object] = field(default_factory=lambda: {"np": np, "print": _mute})
    turns: list[tuple[str, str]] = field(default_factory=list)
    latest: Variable | None = None

    def add(self, prompt: str, code: str) -> None:
        """Run the code, and add the turn if it succeeds."""
        if is_held_out(prompt):
            raise Rejected
        try:
            exec(code, self.namespace)  # our own text, written by this package's generators
        except Exception as error:  # the operation may raise anything
            raise Rejected from error
        if not all(_reasonable(self.namespace.get(v.name)) for v in self.variables):
            raise Rejected
        self.turns.append((prompt, code))

    def evaluate(self, code: str) -> object:
        """The value of an expression after the turns so far.

        Raises Rejected where it fails or its value is large.
        """
        try:
            value = eval(code, self.namespace)
        except Exception as error:
            raise Rejected from error
        if not _reasonable(value):
            raise Rejected
        return value

    def new_name(self, kind: str, stems: tuple[str, ...] = ()) -> str:
        for _ in range(20):
            if stems and self.rng.random() < 0.4:
                name = self.rng.choice(stems)
            else:
                table = words.VARIABLE_STEMS if not stems else words.PRODUCT_STEMS
                draw = words.usual_name if self.voice.usual else words.variable_name
                name = draw(kind if kind in table else "int", table, self.rng)
            if name not in self.namespace and name not in words.RESERVED:
                return name
        raise Rejected

    def reference(self, variable: Variable) -> str:
        """A reference to a variable: mostly by name, or by description if it is unique."""
        rng = self.rng
        if variable is self.latest and rng.random() < 0.06:
            return rng.choice(("the result", "it"))
        same = [v for v in self.variables if v.kind == variable.kind]
        if len(same) == 1 and rng.random() < 0.1:
            return f"the {rng.choice(KIND_NOUNS[variable.kind])}"
        return self.voice.reference(variable.name, variable.kind, rng)

    def of_kind(self, kind: str) -> list[Variable]:
        return [v for v in self.variables if v.kind == kind]

    def keep(self, name: str, kind: str) -> None:
        self.variables = [v for v in self.variables if v.name != name]
        self.latest = Variable(name, kind)
        self.variables.append(self.latest)

    def text(self) -> str:
        """The document: each turn's comment, code and blank lines (two or four newlines)."""
        parts = [PREAMBLE]
        for prompt, code in self.turns:
            gap = "\n\n" if self.rng.random() < 0.6 else "\n\n\n\n"
            parts.append(f"# {prompt}\n{code}{gap}")
        return "".join(parts).rstrip("\n") + "\n\n"


def _reasonable(value: object) -> bool:
    """Whether a value is small enough for a prompt."""
    match value:
        case bool() | None:
            return True
        case int() | float():
            return abs(value) < 10**7 and value == value
        case str():
            return len(value) <= 80
        case list() | tuple() | dict():
            if len(value) > 24:
                return False
            return all(
                _reasonable(v) for v in (value.values() if isinstance(value, dict) else value)
            )
    return True


def kind_of(value: object) -> str:
    """The kind of a Python value; `other` if no skill takes it."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "str"
        case list() if value and all(type(v) is int for v in value):
            return "ints"
        case list() if value and all(isinstance(v, str) for v in value):
            return "strs"
        case list() if value and all(isinstance(v, list) for v in value):
            return "matrix"
        case dict() if value and all(
            isinstance(k, str) and type(v) is int for k, v in value.items()
        ):
            return "dict"
    return "other"


def literals(value: object, rng: random.Random, template: str) -> dict[str, object]:
    """Values for the literal fields that a template has, chosen to suit the operand."""
    chosen: dict[str, object] = {}
    if "{k}" in template:
        chosen["k"] = rng.randint(1, 9) if rng.random() < 0.75 else rng.randint(10, 40)
        if isinstance(value, (list, str)) and (
            "[:" in template or ":]" in template or "range(0" in template
        ):
            chosen["k"] = rng.randint(1, max(1, min(5, len(value))))
        elif "** {k}" in template:
            chosen["k"] = rng.randint(2, 5)
    if "{i}" in template:
        chosen["i"] = rng.randrange(max(1, len(value))) if isinstance(value, (list, str)) else 0
    if "{e}" in template:
        pool = (
            value
            if isinstance(value, list) and value and rng.random() < 0.75
            else [words.integer(rng)]
        )
        chosen["e"] = rng.choice(pool)
    if "{m}" in template:
        pool = (
            value if isinstance(value, list) and value and rng.random() < 0.8 else [words.word(rng)]
        )
        chosen["m"] = rng.choice(pool)
    if "{c}" in template:
        letters = (
            "".join(value)
            if isinstance(value, list) and all(isinstance(v, str) for v in value)
            else str(value)
        )
        pool_text = "".join(c for c in letters if c.isalpha()) if rng.random() < 0.75 else ""
        chosen["c"] = rng.choice(pool_text or "abcdefghilmnoprst")
    if "{c2}" in template:
        chosen["c2"] = rng.choice("abcdefghijklmnopqrstuvwxyz*-_")
    if "{w}" in template:
        parts = (
            value.split() if isinstance(value, str) and value.split() and rng.random() < 0.5 else []
        )
        chosen["w"] = rng.choice(parts) if parts else words.word(rng)
    if "{q}" in template:
        keys = (
            list(value)
            if isinstance(value, dict) and value and rng.random() < 0.85
            else [words.word(rng)]
        )
        chosen["q"] = rng.choice(keys)
    return chosen


def code_literal(value: object) -> str:
    """A value as code: text in double quotes, everything else by `repr`."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


# names that skills bind only where the operands have been read already
_HARMLESS = frozenset("abpq")
_BOUND = re.compile(r"\bfor ([\w, ]+) in\b")


def bind(code: str, names: dict[str, str], chosen: dict[str, object]) -> str:
    """Fill a skill's code; an element with an operand's name is renamed."""
    bound = {name for match in _BOUND.findall(code) for name in match.replace(",", " ").split()}
    for name in sorted(bound & set(names.values()) - _HARMLESS):
        spare = next(s for s in ("i", "j", "m", "q") if s not in bound and s not in names.values())
        code = re.sub(rf"(?<!\{{)\b{name}\b(?!\}})", spare, code)
    return code.format(**names, **{key: code_literal(v) for key, v in chosen.items()})


def skills_for(voice: Voice) -> dict[tuple[str, ...], list[Skill]]:
    """All skills by their operands, weighted as this speaker asks for them."""
    return usual_by_operands() if voice.usual else by_operands()


def draw_skill(takes: tuple[str, ...], voice: Voice, rng: random.Random) -> Skill:
    group = skills_for(voice)[takes]
    return rng.choices(group, [skill.weight for skill in group])[0]


def draw_phrase(skill: Skill, rng: random.Random) -> tuple[str, bool]:
    """A noun phrase (False) or an action (True) of the skill."""
    if skill.actions and rng.random() < (0.45 if skill.nouns else 1.0):
        return rng.choice(skill.actions), True
    if not skill.nouns:
        raise Rejected
    return rng.choice(skill.nouns), False


def affordable(code: str, *operands: object) -> bool:
    """Whether a loop over these operands is short."""
    if "range(" not in code and "while" not in code and "*" not in code:
        return True
    numbers = [
        n
        for v in operands
        for n in (v if isinstance(v, list) else [v])
        if isinstance(n, (int, float))
    ]
    return all(abs(n) <= 1000 for n in numbers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A skill applied to operands: its phrase, its code, its value."""

    phrase: str
    is_action: bool
    code: str
    kind: str
    stems: tuple[str, ...]
    operands: tuple[Variable, ...]


def ask(talk: DraftConversation, final: bool = False) -> Asked:
    """Draw a skill that fits the variables, preferring newer ones, and word it."""
    rng = talk.rng
    groups = [
        g for g in skills_for(talk.voice) if all(len(talk.of_kind(k)) >= g.count(k) for k in g)
    ]
    if not groups:
        raise Rejected
    weights = [_group_weight(talk, group) for group in groups]
    takes = rng.choices(groups, weights)[0]
    operands = _operands(talk, takes)
    skill = draw_skill(takes, talk.voice, rng)
    phrase, is_action = draw_phrase(skill, rng)
    values = [talk.namespace[v.name] for v in operands]
    if not affordable(skill.code, *values):
        raise Rejected
    chosen = literals(values[0], rng, skill.code + phrase)
    names = dict(zip("xyz", (v.name for v in operands), strict=False))
    code = bind(skill.code, names, chosen)
    value = talk.evaluate(code)
    spoken = {key: talk.voice.literal(v, rng) for key, v in chosen.items()}
    spoken |= dict(zip("xyz", (talk.reference(v) for v in operands), strict=False))
    said = expand(phrase, rng)
    if len(operands) == 1 and len(talk.of_kind(takes[0])) == 1 and rng.random() < 0.1:
        said = _IMPLIED.sub("", said)
    text = fill(said, spoken)
    return Asked(text, is_action, code, kind_of(value), skill.stems, operands)


# "the largest number" says enough where there is one list
_IMPLIED = re.compile(r" (of|in|from) \{x\}$")


def _group_weight(talk: DraftConversation, group: tuple[str, ...]) -> float:
    """A higher weight for unused variables; two operands are as likely as one."""
    latest = talk.latest.kind if talk.latest else ""
    weight = 1.0 + 2.0 * (latest in group)
    if len(group) > 1:
        weight *= 2.0 if len(group) == 2 else 0.7
        if len(set(group)) == 2:
            weight *= 0.6
    return weight * (0.3 if group in (("bool",), ("float",), ("float", "float")) else 1.0)


def _operands(talk: DraftConversation, takes: tuple[str, ...]) -> tuple[Variable, ...]:
    rng = talk.rng
    chosen: list[Variable] = []
    for kind in takes:
        pool = [v for v in talk.of_kind(kind) if v not in chosen]
        if talk.latest in pool and rng.random() < 0.6:
            chosen.append(next(v for v in pool if v == talk.latest))
        else:
            chosen.append(rng.choice(pool))
    if len(chosen) > 1 and takes[0] == takes[1]:
        order = {v.name: i for i, v in enumerate(talk.variables)}
        if rng.random() < 0.7:
            chosen.sort(key=lambda v: order[v.name])
    return tuple(chosen)


# turns; each raises Rejected where it does not fit


def assign(talk: DraftConversation) -> None:
    """`Create a list named "nums" with the values [3, 1, 2].`"""
    rng = talk.rng
    kind = rng.choices(KINDS, USUAL_KIND_WEIGHTS if talk.voice.usual else KIND_WEIGHTS)[0]
    value = words.value(kind, rng)
    nameless = rng.random() < 0.04 and not talk.of_kind(kind)
    name = words.VARIABLE_STEMS[kind][0] if nameless else talk.new_name(kind)
    if name in talk.namespace:
        raise Rejected
    fields = {"v": talk.voice.literal(value, rng), "n": talk.voice.name(name)}
    usual = USUAL_ASSIGN if talk.voice.usual else ASSIGN
    template = rng.choice(ASSIGN_NAMELESS if nameless else usual)
    template = template.replace("{a}", "").replace("@k", rng.choice(KIND_NOUNS[kind]))
    prompt = talk.voice.sentence(template, fields, rng)
    talk.add(prompt, f"{name} = {code_literal(value)}")
    talk.keep(name, kind)


def assign_two(talk: DraftConversation) -> None:
    """`Set a to 3 and b to 5.`"""
    rng = talk.rng
    kind = rng.choices(("int", "str", "ints", "strs", "float"), (5, 3, 2, 1, 1))[0]
    first, second = words.value(kind, rng), words.value(kind, rng)
    if rng.random() < 0.4:
        stems = {"int": "a b", "str": "s t", "ints": "a b", "strs": "a b", "float": "x y"}[
            kind
        ].split()
        pair = stems if rng.random() < 0.6 else [f"{talk.new_name(kind)}{i}" for i in (1, 2)]
    else:
        pair = [talk.new_name(kind), talk.new_name(kind)]
    if pair[0] == pair[1] or any(name in talk.namespace for name in pair):
        raise Rejected
    fields = {
        "v": talk.voice.literal(first, rng),
        "v2": talk.voice.literal(second, rng),
        "n": talk.voice.name(pair[0]),
        "n2": talk.voice.name(pair[1]),
    }
    noun = rng.choice(KIND_NOUNS[kind])
    plural = noun.replace("list of", "lists of") if " of " in noun else noun + "s"
    templates = USUAL_ASSIGN_TWO if talk.voice.usual else ASSIGN_TWO
    template = rng.choice(templates).replace("@ks", plural)
    prompt = talk.voice.sentence(template, fields, rng)
    talk.add(prompt, f"{pair[0]} = {code_literal(first)}\n{pair[1]} = {code_literal(second)}")
    for name in pair:
        talk.keep(name, kind)


def compute(talk: DraftConversation) -> None:
    """`Compute the sum of "nums" and store it in "total".`"""
    rng = talk.rng
    asked = ask(talk)
    in_place = asked.is_action and asked.kind == asked.operands[0].kind and rng.random() < 0.15
    if in_place:
        name = asked.operands[0].name
        template = "{p}"
    elif rng.random() < 0.06:
        name = asked.stems[0] if asked.stems else "result"
        if name in talk.namespace:
            raise Rejected
        template = "{p}" if asked.is_action else f"{VERBS} {{p}}"
    else:
        name = talk.new_name(asked.kind, asked.stems)
        template = (_usual_storing if talk.voice.usual else _storing)(asked, rng)
    fields = {"p": asked.phrase, "n": talk.voice.name(name)}
    prompt = talk.voice.sentence(template, fields, rng)
    if rng.random() < 0.06 and not in_place:
        prompt = (
            prompt.rstrip(".")
            + f" and {rng.choice(('print', 'show', 'display'))} it"
            + talk.voice.stop
        )
        talk.add(prompt, f"{name} = {asked.code}\nprint({name})")
    else:
        talk.add(prompt, f"{name} = {asked.code}")
    talk.keep(name, asked.kind)


def _usual_storing(asked: Asked, rng: random.Random) -> str:
    """As `_storing`, in common words, which often name the result: a list, a number."""
    kind = rng.choice(KIND_NOUNS[asked.kind])
    if asked.is_action:
        return "{p} " + rng.choice(USUAL_STORES).replace("@k", kind)
    if asked.phrase.startswith("a dictionary ") and rng.random() < 0.6:
        return rng.choice(USUAL_TABLES).replace("{p}", asked.phrase.removeprefix("a dictionary "))
    if asked.kind in ("ints", "strs") and rng.random() < 0.2:
        return rng.choice(USUAL_LISTS).replace("{p}", asked.phrase.removeprefix("a list of "))
    if rng.random() < 0.4:
        return rng.choice(USUAL_NAMED).replace("@k", kind)
    return f"{VERBS} {{p}} " + rng.choice(USUAL_STORES).replace("@k", kind)


def _storing(asked: Asked, rng: random.Random) -> str:
    if asked.is_action:
        return "{p} " + rng.choice(STORES)
    if rng.random() < 0.45:
        return rng.choice(NAMED)
    verb = MAKERS if asked.phrase.startswith(("a ", "a list")) else VERBS
    return f"{verb} {{p}} {rng.choice(STORES)}"


def print_phrase(talk: DraftConversation) -> None:
    """`Print the sum of "nums".`"""
    rng = talk.rng
    asked = ask(talk, final=True)
    if asked.is_action:
        template = "{p} and (print|show|display|output) (it|the result|the answer)"
    else:
        template = rng.choice(USUAL_PHRASE if talk.voice.usual else PRINT_PHRASE)
    prompt = talk.voice.sentence(template, {"p": asked.phrase}, rng)
    talk.add(prompt, f"print({asked.code})")


def print_variable(talk: DraftConversation) -> None:
    """`Print "total".`"""
    rng = talk.rng
    if not talk.latest:
        raise Rejected
    variable = talk.latest if rng.random() < 0.92 else rng.choice(talk.variables)
    if talk.voice.usual:
        template = rng.choice(USUAL_PRINTS).replace("@k", rng.choice(KIND_NOUNS[variable.kind]))
        if variable is not talk.latest:
            template = USUAL_PRINTS[0]
        prompt = talk.voice.sentence(template, {"r": talk.voice.name(variable.name)}, rng)
        talk.add(prompt, f"print({variable.name})")
        return
    if variable is talk.latest and rng.random() < 0.15:
        template = rng.choice(PRINT_RESULT).replace("@k", rng.choice(KIND_NOUNS[variable.kind]))
        prompt = talk.voice.sentence(template, {}, rng)
    else:
        prompt = talk.voice.sentence(
            rng.choice(PRINTS), {"r": talk.voice.reference(variable.name, variable.kind, rng)}, rng
        )
    talk.add(prompt, f"print({variable.name})")


def change(talk: DraftConversation) -> None:
    """`Append 5 to "nums".`"""
    rng = talk.rng
    usable = [v for v in talk.variables if v.kind in statements.CHANGES]
    if not usable:
        raise Rejected
    variable = talk.latest if talk.latest in usable and rng.random() < 0.5 else rng.choice(usable)
    assert variable is not None
    code, phrase = statements.draw(statements.CHANGES[variable.kind], rng)
    others = [v for v in talk.of_kind(variable.kind) if v != variable]
    if "{y}" in code and not others:
        raise Rejected
    other = rng.choice(others) if others else variable
    chosen = literals(talk.namespace[variable.name], rng, code + phrase)
    names = {"x": variable.name, "y": other.name}
    spoken = {key: talk.voice.literal(v, rng) for key, v in chosen.items()}
    spoken |= {"x": talk.reference(variable), "y": talk.reference(other)}
    prompt = talk.voice.sentence(phrase, spoken, rng)
    snapshot = repr(talk.namespace[variable.name])
    talk.add(prompt, code.format(**names, **{k: code_literal(v) for k, v in chosen.items()}))
    if kind_of(talk.namespace[variable.name]) != variable.kind:
        talk.namespace[variable.name] = eval(snapshot)
        talk.turns.pop()
        raise Rejected
    talk.latest = variable


def loop(talk: DraftConversation) -> None:
    """`Start "total" at 0.` and `For each number in "nums", add its square to "total".`"""
    rng = talk.rng
    usable = [v for v in talk.variables if v.kind in statements.LOOPS]
    if not usable:
        raise Rejected
    source = rng.choice(usable)
    start, code, phrase = statements.draw_loop(source.kind, rng)
    kind = {"0": "int", "1": "int", "[]": "ints", "{{}}": "dict", '""': "str"}.get(start, "int")
    if not affordable(code, talk.namespace[source.name]):
        raise Rejected
    target = talk.new_name(kind, ("result", "total", "count", "out", "answer"))
    chosen = literals(talk.namespace[source.name], rng, code + phrase)
    names = {"x": source.name, "t": target}
    spoken = {key: talk.voice.literal(v, rng) for key, v in chosen.items()}
    spoken |= {"x": talk.reference(source), "t": talk.voice.name(target)}
    begin = f"{target} = {start.format(x=source.name)}"
    body = code.format(**names, **{k: code_literal(v) for k, v in chosen.items()})
    opening = expand(statements.OPENINGS.get(start, statements.FIRST_ELEMENT), rng)
    before = len(talk.turns)
    try:
        if rng.random() < 0.75:
            talk.add(talk.voice.sentence(opening, spoken, rng), begin)
            talk.add(talk.voice.sentence(phrase, spoken, rng), body)
        else:
            talk.add(
                talk.voice.sentence(f"{opening}, then {phrase}", spoken, rng), f"{begin}\n{body}"
            )
    except Rejected:
        del talk.turns[before:]
        talk.namespace.pop(target, None)
        raise
    found = kind_of(talk.namespace[target])
    talk.keep(target, found)


def decide(talk: DraftConversation) -> None:
    """`If x is greater than y, set result to "big", otherwise to "small".`"""
    rng = talk.rng
    usable = [v for v in talk.variables if v.kind in statements.TESTS]
    if not usable:
        raise Rejected
    variable = rng.choice(usable)
    pair = [v for v in talk.of_kind(variable.kind) if v != variable]
    table = statements.TESTS[variable.kind]
    if pair and variable.kind in statements.PAIR_TESTS and rng.random() < 0.7:
        table = statements.PAIR_TESTS[variable.kind]
    code, phrase = statements.draw(table, rng)
    other = rng.choice(pair) if pair else variable
    chosen = literals(talk.namespace[variable.name], rng, code + phrase)
    test = code.format(
        x=variable.name, y=other.name, **{k: code_literal(v) for k, v in chosen.items()}
    )
    yes, no = (
        rng.choice(statements.ANSWERS) if rng.random() < 0.6 else (words.word(rng), words.word(rng))
    )
    numbers = rng.random() < 0.2
    values: tuple[object, object] = (
        (words.integer(rng), words.integer(rng)) if numbers else (yes, no)
    )
    target = talk.new_name("str", ("result", "answer", "label", "message", "kind"))
    spoken = {key: talk.voice.literal(v, rng) for key, v in chosen.items()}
    spoken |= {
        "x": talk.reference(variable),
        "y": talk.reference(other),
        "t": talk.voice.name(target),
    }
    spoken |= {"yes": talk.voice.literal(values[0], rng), "no": talk.voice.literal(values[1], rng)}
    a, b = code_literal(values[0]), code_literal(values[1])
    if rng.random() < 0.6:
        prompt = talk.voice.sentence(
            rng.choice(statements.DECISIONS).replace("{cond}", phrase), spoken, rng
        )
        talk.add(prompt, f"if {test}:\n    {target} = {a}\nelse:\n    {target} = {b}")
        talk.keep(target, kind_of(values[0]))
    else:
        prompt = talk.voice.sentence(
            rng.choice(statements.PRINT_DECISIONS).replace("{cond}", phrase), spoken, rng
        )
        talk.add(prompt, f"if {test}:\n    print({a})\nelse:\n    print({b})")
        talk.latest = None


def define(talk: DraftConversation) -> None:
    """`Write a function named f that takes a list of integers and returns their sum.`"""
    rng = talk.rng
    takes = _function_operands(talk)
    hard = [a for a in ALGORITHMS if a.takes == takes]
    item: Skill | Algorithm
    if hard and rng.random() < 0.3:
        item = rng.choice(hard)
        phrase, is_action = rng.choice(item.nouns), False
    else:
        item = draw_skill(takes, talk.voice, rng)
        phrase, is_action = draw_phrase(item, rng)
    name = function_name(item, rng)
    if name in talk.namespace:
        raise Rejected
    written = write_function(item, phrase, name, rng)
    template = rng.choice(FUNCTION_ACTIONS if is_action else FUNCTIONS)
    spoken = {"f": talk.voice.name(name), "params": written.described(talk.voice, rng)}
    spoken["args"] = ", ".join(written.parameters)
    spoken["p"] = written.phrase(phrase, "{params}" in template, talk.voice, rng)
    talk.add(talk.voice.sentence(template, spoken, rng), written.source)
    talk.functions.append(
        Function(
            name, takes, written.source, (phrase,) if not is_action and not written.chosen else ()
        )
    )


def _function_operands(talk: DraftConversation) -> tuple[str, ...]:
    rng = talk.rng
    groups = [g for g in by_operands() if g not in (("bool",), ("dict", "strs"))]
    fitting = [g for g in groups if all(talk.of_kind(k) for k in g)]
    single = [g for g in groups if len(g) == 1]
    pool = fitting if fitting and rng.random() < 0.6 else single if rng.random() < 0.6 else groups
    return rng.choice(pool)


def function_name(item: Skill | Algorithm, rng: random.Random) -> str:
    if isinstance(item, Algorithm) and rng.random() < 0.5:
        return item.name
    draw = rng.random()
    stem = (
        rng.choice(item.stems)
        if isinstance(item, Skill) and item.stems
        else rng.choice(words.NOUNS)
    )
    if draw < 0.2:
        return rng.choice(
            ("f", "g", "h", "solve", "compute", "process", "transform", "helper", "my_function")
        )
    if draw < 0.5:
        return f"{rng.choice(('get', 'find', 'compute', 'make', 'calc', 'count', 'to'))}_{stem}"
    if draw < 0.8:
        return f"{stem}_{rng.choice(words.NOUNS)}"
    return f"{rng.choice(words.VERBS)}_{rng.choice(words.NOUNS)}"


@dataclass(frozen=True, slots=True)
class WrittenFunction:
    """A function's source, and what later turns need to refer to it."""

    parameters: tuple[str, ...]
    takes: tuple[str, ...]
    body: str
    source: str
    chosen: dict[str, object]

    def described(self, voice: Voice, rng: random.Random) -> str:
        """`a list of integers nums and an integer k`."""
        parts = []
        for name, kind in zip(self.parameters, self.takes, strict=True):
            noun = rng.choice(KIND_NOUNS[kind])
            article = "an" if noun[0] in "aei" else "a"
            parts.append(
                f"{article} {noun} {voice.name(name)}"
                if rng.random() < 0.6
                else f"{article} {noun}"
            )
        return " and ".join(parts)

    def phrase(self, template: str, described: bool, voice: Voice, rng: random.Random) -> str:
        """The skill's phrase about the parameters: by name, or as "the list" or "a list"."""
        spoken = {key: voice.literal(v, rng) for key, v in self.chosen.items()}
        plain = len(set(self.takes)) == len(self.takes)
        for letter, name, kind in zip("xyz", self.parameters, self.takes, strict=False):
            noun = rng.choice(KIND_NOUNS[kind])
            if not plain or rng.random() < 0.4:
                spoken[letter] = voice.name(name)
            elif described or rng.random() < 0.3:
                spoken[letter] = f"the {rng.choice(('', '', 'given '))}{noun}"
            else:
                noun = rng.choice(("", "", "given ")) + noun
                spoken[letter] = f"{'an' if noun[0] in 'aei' else 'a'} {noun}"
        return fill(expand(template, rng), spoken)


def write_function(
    item: Skill | Algorithm, phrase: str, name: str, rng: random.Random
) -> WrittenFunction:
    """A function with the skill's expression, or the algorithm's steps, as its body."""
    parameters: list[str] = []
    for kind in item.takes:
        pool = [p for p in words.PARAMETER_STEMS[kind] if p not in parameters]
        if item.takes.count(kind) > 1 and rng.random() < 0.6:
            pool = [p for p in "abc" if p not in parameters][:1]
        parameters.append(rng.choice(pool))
    names = dict(zip("xyz", parameters, strict=False))
    if isinstance(item, Algorithm):
        if {"n", "w", "c", "i", "j", "a", "b", "p"} & set(parameters) & set(_words_of(item.body)):
            raise Rejected
        body = fill(item.body, names)
        chosen: dict[str, object] = {}
    else:
        chosen = literals(None, rng, item.code + phrase)
        body = "return " + bind(item.code, names, chosen)
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    source = f"def {name}({', '.join(parameters)}):\n{indented}"
    return WrittenFunction(tuple(parameters), item.takes, indented, source, chosen)


def _words_of(code: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in code).split()


def call(talk: DraftConversation, final: bool = False) -> None:
    """`Call f on "nums" and store the result in "y".`, or the same printed."""
    rng = talk.rng
    if not talk.functions:
        raise Rejected
    function = talk.functions[-1] if rng.random() < 0.7 else rng.choice(talk.functions)
    codes, spoken_parts, values = [], [], []
    for kind in function.takes:
        pool = talk.of_kind(kind)
        if pool and rng.random() < 0.75:
            variable = rng.choice(pool)
            codes.append(variable.name)
            values.append(talk.namespace[variable.name])
            spoken_parts.append(talk.reference(variable))
        else:
            value = words.value(kind, rng)
            codes.append(code_literal(value))
            values.append(value)
            spoken_parts.append(talk.voice.literal(value, rng))
    if not affordable(function.source, *values):
        raise Rejected
    code = f"{function.name}({', '.join(codes)})"
    value = talk.evaluate(code)
    fields = {
        "f": talk.voice.name(function.name),
        "args": " and ".join(spoken_parts),
        "code": ", ".join(codes),
    }
    if function.nouns and rng.random() < 0.3:
        phrase = fill(expand(function.nouns[0], rng), dict(zip("xyz", spoken_parts, strict=False)))
        _say_call(talk, phrase, True, code, kind_of(value), final)
        return
    if rng.random() < 0.5:
        _say_call(
            talk,
            fill(expand(rng.choice(CALL_NOUNS), rng), fields),
            True,
            code,
            kind_of(value),
            final,
        )
    else:
        _say_call(
            talk, fill(expand(rng.choice(CALLS), rng), fields), False, code, kind_of(value), final
        )


def _say_call(
    talk: DraftConversation, phrase: str, is_noun: bool, code: str, kind: str, final: bool
) -> None:
    rng = talk.rng
    if final:
        template = (
            rng.choice(PRINT_PHRASE[:1])
            if is_noun
            else "{p} and (print|show|display|output) (it|the result)"
        )
        talk.add(talk.voice.sentence(template, {"p": phrase}, rng), f"print({code})")
        return
    name = talk.new_name(kind, ("result", "answer", "output"))
    template = (
        (rng.choice(NAMED) if rng.random() < 0.6 else f"{VERBS} {{p}} {rng.choice(STORES)}")
        if is_noun
        else "{p} " + rng.choice(STORES)
    )
    talk.add(
        talk.voice.sentence(template, {"p": phrase, "n": talk.voice.name(name)}, rng),
        f"{name} = {code}",
    )
    talk.keep(name, kind)


def call_each(talk: DraftConversation) -> None:
    """`Apply f to each element of "nums" and store the results in "ys".`"""
    rng = talk.rng
    plural = {"int": "ints", "str": "strs"}
    usable = [
        f for f in talk.functions if len(f.takes) == 1 and talk.of_kind(plural.get(f.takes[0], ""))
    ]
    if not usable:
        raise Rejected
    function = rng.choice(usable)
    variable = rng.choice(talk.of_kind(plural[function.takes[0]]))
    if not affordable(function.source, talk.namespace[variable.name]):
        raise Rejected
    element = "n" if variable.kind == "ints" else "w"
    code = f"[{function.name}({element}) for {element} in {variable.name}]"
    value = talk.evaluate(code)
    name = talk.new_name(kind_of(value), ("results", "outputs"))
    fields = {
        "f": talk.voice.name(function.name),
        "args": talk.reference(variable),
        "n": talk.voice.name(name),
    }
    template = f"{rng.choice(CALL_EACH)} {rng.choice(STORES)}"
    talk.add(talk.voice.sentence(template, fields, rng), f"{name} = {code}")
    talk.keep(name, kind_of(value))


Turn = Callable[[DraftConversation], None]
MIDDLE: tuple[tuple[Turn, float], ...] = (
    (compute, 11.0),
    (change, 1.6),
    (loop, 1.6),
    (decide, 0.8),
    (define, 1.5),
    (call, 2.5),
    (call_each, 0.5),
    (assign, 1.0),
)
USUAL_MIDDLE: tuple[tuple[Turn, float], ...] = (
    (compute, 11.0),
    (change, 2.4),
    (loop, 1.6),
    (decide, 1.4),
    (define, 1.5),
    (call, 2.5),
    (call_each, 0.5),
    (assign, 0.6),
)


def _attempt(talk: DraftConversation, choices: tuple[tuple[Turn, float], ...]) -> bool:
    """Draw turns until one fits; False after twelve that do not."""
    turns, weights = zip(*choices, strict=True)
    for _ in range(12):
        try:
            talk.rng.choices(turns, weights)[0](talk)
        except Rejected:
            continue
        return True
    return False


def usual_conversation(rng: random.Random) -> str:
    """As `conversation`, with common tasks and wordings."""
    while True:
        talk = DraftConversation(rng, Voice.draw_usual(rng))
        length = rng.choice((2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6))
        if _converse(talk, length):
            return talk.text()


def conversation(rng: random.Random) -> str:
    """One document: two to six turns, the last of which prints."""
    while True:
        talk = DraftConversation(rng, Voice.draw(rng))
        length = rng.choice((2, 2, 3, 3, 3, 4, 4, 5, 5, 6))
        if _converse(talk, length):
            return talk.text()


def _converse(talk: DraftConversation, length: int) -> bool:
    rng = talk.rng
    opening: tuple[tuple[Turn, float], ...] = ((assign, 6.0), (assign_two, 1.6), (define, 2.0))
    if not _attempt(talk, opening):
        return False
    if rng.random() < 0.3 and length > 2:
        _attempt(talk, ((assign, 1.0),))
    while len(talk.turns) < length - 1:
        if not _attempt(talk, USUAL_MIDDLE if talk.voice.usual else MIDDLE):
            return False
    return _attempt(talk, _closing(talk))


def _closing(talk: DraftConversation) -> tuple[tuple[Turn, float], ...]:
    """Print what was computed last, or compute and print in one turn."""
    plain = len(talk.turns) > 1 and talk.latest is not None
    return (
        (print_variable, 6.0 if plain else 0.0001),
        (print_phrase, 3.0 if talk.variables else 0.0001),
        (lambda t: call(t, final=True), 4.0 if talk.functions else 0.0001),
    )
