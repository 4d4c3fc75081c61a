# ruff: noqa: E501
"""The nl corpus: English-like stories, descriptions, instructions and conversations, without code."""

import random

from models.training.corpora.skills import expand
from models.training.corpora.words import ADJECTIVES, NAMES, NOUNS, VERBS, integer, word

_STORY = (
    "(One|Every|On a @adj) (morning|evening|day|night)(,|) @name (went|walked|ran) to the @noun to (find|buy|see|get) (a|the|some) @adj @noun.",
    "@name (had|owned|found|wanted) (a|one|a very) @adj @noun and @num @adj @nouns.",
    "The @noun was (very |so |too |) @adj(, but| and) the @noun was @adj.",
    "@name (said|asked|told @name)(, | that )(it was|this is|there is) (a|the) @adj @noun.",
    '"(Where|What|How) is (the|my|your) @noun?" (asked|said) @name.',
    '"(It is|I saw it|You can find it) (in|under|behind|near) the @noun," (answered|said) @name.',
    "(Then|After that|Later|Soon|In the end)(,|) they (could @verb|began to @verb|wanted to @verb|had to @verb) (together|again|until the evening|for @num days).",
    "@name and @name (liked|wanted|learned|tried) to @verb (every day|near the @noun|with the @noun|all @noun).",
    "(At last|Finally|That night)(,|) @name (was @adj|went home|fell asleep|could @verb) (and smiled|because the @noun was @adj|without a word|).",
    "There (were|are) @num @nouns in the @noun, (and|but) (only|not) @num of them (were|are) @adj.",
)
_DESCRIPTION = (
    "(A|The|This) @noun is (a kind of|a part of|something like) (a|the) @noun(| that can @verb| which is @adj).",
    "It is (usually|often|always|never|sometimes) @adj and (rarely|mostly|almost always) @adj.",
    "(Most|Many|Some|All) @nouns (are|can be|were) @adj, (while|but|and) (a few|others|the rest) are @adj.",
    "The (price|weight|length|height|age) of the @noun is @num(| units| in total| on average).",
    "In (the @noun|@noun|winter|summer|spring)(,|) the @nouns (are|become|turn) @adj.",
    "The word for it is @word, (and|but) some people (call|name) it @word.",
    "It (has|needs|contains) @num @nouns, @num @nouns and (one|a) @adj @noun.",
    "(Compared to|Unlike|Like) (a|the) @noun, it is (more|less) @adj.",
)
_INSTRUCTION = (
    "(First|To begin|At the start)(,|) take @num @nouns and (put|keep|hold) them in (a|the) @noun.",
    "(Then|Next|After that)(,|) (sort|count|wash|open|close|clean|fill|carry) the @nouns (by size|by color|by name|slowly|one by one|).",
    "(If|When|While) the @noun is @adj, (add|remove|use|bring) (a|one|the) @adj @noun.",
    "(Repeat|Do) this @num times, (or|and) until the @noun is @adj.",
    "(Do not|Never|Always) @verb (before|after|while) (the @noun is @adj|you @verb|it is @adj).",
    "(Make|Write|Draw) a list of the @nouns and (give|send|show|read) it to @name.",
    "(Choose|Pick|Select) the (largest|smallest|first|last|second|longest|shortest) @noun (of|from|in) the @noun.",
    "(Finally|In the end|At the end)(,|) (count|show|store|keep|name) (what is left|the result|the @nouns|them).",
    "(Find|Count|Compare) (the number of|all the|the) @nouns (that are|which are) @adj(| and write it down).",
)
_FORMS = ((_STORY, 3, 8), (_DESCRIPTION, 2, 6), (_INSTRUCTION, 3, 7))


def _fill(template: str, rng: random.Random) -> str:
    text = expand(_marked(template), rng)
    out: list[str] = []
    i = 0
    while i < len(text):
        for mark, draw in _MARKS:
            if text.startswith(mark, i):
                out.append(draw(rng))
                i += len(mark)
                break
        else:
            out.append(text[i])
            i += 1
    return " ".join("".join(out).split()).replace(" ,", ",").replace(" .", ".")


def _marked(template: str) -> str:
    """The template with its own macros, which are not those of `skills`."""
    for name, mark in _NAMES_OF_MARKS:
        template = template.replace(name, mark)
    return template


_NAMES_OF_MARKS = (
    ("@name", "%p"), ("@num", "%d"), ("@nouns", "%s"), ("@noun", "%n"), ("@adj", "%a"), ("@verb", "%v"), ("@word", "%w"),
)  # fmt: skip


def _plural(rng: random.Random) -> str:
    noun = rng.choice(NOUNS)
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def _number(rng: random.Random) -> str:
    spelled = [
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "twelve",
        "twenty",
    ]
    return rng.choice(spelled) if rng.random() < 0.5 else str(abs(integer(rng)))


_MARKS = (
    ("%p", lambda rng: rng.choice(NAMES)),
    ("%d", _number),
    ("%s", _plural),
    ("%n", lambda rng: rng.choice(NOUNS)),
    ("%a", lambda rng: rng.choice(ADJECTIVES)),
    ("%v", lambda rng: rng.choice(VERBS)),
    ("%w", word),
)


def passage(rng: random.Random) -> str:
    """One document: one to three paragraphs of one kind, sometimes with a title."""
    sentences, low, high = rng.choice(_FORMS)
    paragraphs = [
        " ".join(_fill(rng.choice(sentences), rng) for _ in range(rng.randint(low, high)))
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))
    ]
    if rng.random() < 0.3:
        paragraphs.insert(0, f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}".title())
    return "\n\n".join(paragraphs) + "\n"
