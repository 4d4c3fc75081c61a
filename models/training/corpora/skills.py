# ruff: noqa: E501
"""The tasks of the Python corpora: expressions, and the English that asks for them.

A phrase is a template. `(a|b|)` is a choice, `@x` one of `MACROS`, `{x}` and `{y}` stand for the operands, and the other
fields for a literal: `{k}` a small integer, `{i}` an index, `{e}` an element, `{c}` a letter, `{w}` a word, `{q}` a key.
Noun phrases follow a verb ("compute …", "print …", "returns …"); actions are verbs themselves ("reverse …").
"""

import random
import re
from dataclasses import dataclass, replace
from functools import cache

MACROS = {
    "@e": "(elements|numbers|values|items|integers|numbers|elements)",
    "@s": "(words|strings|words|elements|items|names)",
    "@l": "(characters|letters)",
    "@a": "(all |all the |the |the |)",
    "@i": "(in|of|in|from)",
    "@m": "(number|count)",
    "@h": "(each|every)",
    "@o": "(element|number|value|item)",
    "@r": "(word|string|element|item)",
    "@g": "(greater|larger|bigger|more)",
    "@L": "(list of |)",
    "@A": "(in ascending order|in increasing order|from smallest to largest|from low to high|ascending)",
    "@D": "(in descending order|in decreasing order|from largest to smallest|from high to low|in reverse order)",
    "@v": "values @i {x}",
    "@d": "(distinct|different|unique)",
}

_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


def expand(template: str, rng: random.Random) -> str:
    """A random expansion of a template: macros replaced, choices made, fields kept.

    >>> expand("the (sum|sum) of {x}", random.Random(0))
    'the sum of {x}'
    """
    for macro, meaning in MACROS.items():
        if macro in template:
            template = template.replace(macro, meaning)
    while match := _CHOICE.search(template):
        chosen = rng.choice(match.group(1).split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return template


@dataclass(frozen=True, slots=True)
class Skill:
    """An expression over operands of given kinds, with the phrases that ask for it.

    `takes` and `gives` are kinds (`int`, `float`, `bool`, `str`, `ints`, `strs`, `dict`, `matrix`, `other`);
    `stems` are natural names for the result; `weight` is how often it is drawn relative to the others of its group.
    """

    takes: tuple[str, ...]
    gives: str
    code: str
    nouns: tuple[str, ...]
    actions: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    weight: float = 1.0


def _skill(
    signature: str,
    code: str,
    nouns: str = "",
    actions: str = "",
    stems: str = "",
    weight: float = 1.0,
) -> Skill:
    takes, gives = signature.split(" > ")
    split = [tuple(p.strip() for p in text.split(";") if p.strip()) for text in (nouns, actions)]
    return Skill(
        tuple(takes.split()), gives, code, split[0], split[1], tuple(stems.split()), weight
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on one element `{n}`, its opposite, and its English before or after the noun."""

    test: str
    opposite: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A change of one element `{n}`: as a plural noun phrase, as an action and as a participle."""

    code: str
    plural: str
    action: str
    participle: str
    gives: str = "ints"


NUMBER_CONDITIONS = (
    Condition("{n} % 2 == 0", "{n} % 2 != 0", "even", "(that are|which are) even"),
    Condition("{n} % 2 != 0", "{n} % 2 == 0", "odd", "(that are|which are) odd"),
    Condition("{n} > 0", "{n} <= 0", "positive", "(that are positive|greater than zero|above zero|that are greater than 0)"),
    Condition("{n} < 0", "{n} >= 0", "negative", "(that are negative|less than zero|below zero|smaller than 0)"),
    Condition("{n} > {k}", "{n} <= {k}", "", "(@g than {k}|that are @g than {k}|above {k}|that exceed {k}|over {k})"),
    Condition("{n} < {k}", "{n} >= {k}", "", "((less|smaller|lower) than {k}|that are (less|smaller) than {k}|below {k}|under {k})"),
    Condition("{n} >= {k}", "{n} < {k}", "", "(greater than or equal to {k}|(of|that are) at least {k}|not (less|smaller) than {k})"),
    Condition("{n} <= {k}", "{n} > {k}", "", "(less than or equal to {k}|(of|that are) at most {k}|not (greater|larger) than {k})"),
    Condition("{n} % {k} == 0", "{n} % {k} != 0", "", "((that are |)divisible by {k}|that are (multiples of|a multiple of) {k})"),
    Condition("{n} != {k}", "{n} == {k}", "", "((that are |)not equal to {k}|(different from|other than) {k}|that differ from {k})"),
    Condition("{n} == {k}", "{n} != {k}", "", "((that are |)equal to {k}|that equal {k})"),
    Condition("{n} % 2 == 0 and {n} > 0", "not ({n} % 2 == 0 and {n} > 0)", "positive even", "that are both positive and even"),
    Condition("{n} > 9", "{n} <= 9", "", "with more than one digit"),
)  # fmt: skip

WORD_CONDITIONS = (
    Condition("len({n}) > {k}", "len({n}) <= {k}", "", "((that are |)longer than {k} (letters|characters|)|with more than {k} (letters|characters)|(whose length is|of length) greater than {k})"),
    Condition("len({n}) < {k}", "len({n}) >= {k}", "", "((that are |)shorter than {k} (letters|characters|)|with (fewer|less) than {k} (letters|characters))"),
    Condition("len({n}) == {k}", "len({n}) != {k}", "", "(of length {k}|with exactly {k} (letters|characters)|(that have|with) {k} (letters|characters))"),
    Condition("len({n}) >= {k}", "len({n}) < {k}", "", "(with at least {k} (letters|characters)|that have at least {k} (letters|characters)|of length at least {k})"),
    Condition("{n}.startswith({c})", "not {n}.startswith({c})", "", "(that (start|begin) with|starting with|beginning with|whose first letter is) (the letter |){c}"),
    Condition("{n}.endswith({c})", "not {n}.endswith({c})", "", "(that end with|ending (in|with)|that end in|whose last letter is) (the letter |){c}"),
    Condition("{c} in {n}", "{c} not in {n}", "", "(that contain|containing|with|which contain|that have) (the letter |an |){c}"),
    Condition("{c} not in {n}", "{c} in {n}", "", "(that do not contain|without|not containing|that lack) (the letter |){c}"),
    Condition("{n} == {n}[::-1]", "{n} != {n}[::-1]", "palindromic", "that are palindromes"),
    Condition("{n}[0].isupper()", "not {n}[0].isupper()", "capitalized", "that (start|begin) with (a capital|an uppercase) letter"),
    Condition("len({n}) % 2 == 0", "len({n}) % 2 != 0", "", "(of|with an) even length"),
)  # fmt: skip

NUMBER_MAPPINGS = (
    Mapping("{n} ** 2", "squares of", "square", "squared"),
    Mapping("{n} ** 3", "cubes of", "cube", "cubed"),
    Mapping("{n} * 2", "doubles of", "double", "(doubled|multiplied by two)"),
    Mapping("{n} * 3", "triples of", "triple", "(tripled|multiplied by three)"),
    Mapping("{n} / 2", "halves of", "halve", "(halved|divided by two)", "other"),
    Mapping("{n} * {k}", "", "multiply ... by {k}", "(multiplied by|times) {k}"),
    Mapping("{n} + {k}", "", "(add {k} to ...|increase ... by {k})", "(plus {k}|increased by {k})"),
    Mapping("{n} - {k}", "", "(subtract {k} from ...|decrease ... by {k}|reduce ... by {k})", "(minus {k}|decreased by {k}|reduced by {k})"),
    Mapping("-{n}", "negatives of", "(negate ...|flip the sign of ...)", "(negated|with its sign flipped)"),
    Mapping("abs({n})", "absolute values of", "take the absolute value of ...", "replaced by its absolute value"),
    Mapping("{n} % {k}", "remainders modulo {k} of", "(take ... modulo {k}|reduce ... modulo {k})", "modulo {k}"),
    Mapping("{n} // {k}", "", "divide ... by {k} without remainder", "(divided by {k} rounded down|integer divided by {k})"),
    Mapping("{n} / {k}", "", "divide ... by {k}", "divided by {k}", "other"),
    Mapping("str({n})", "", "(convert ... to a string|turn ... into a string)", "(as a string|converted to a string)", "strs"),
)  # fmt: skip

WORD_MAPPINGS = (
    Mapping("{n}.upper()", "(uppercase|upper case) versions of", "(convert ... to upper case|uppercase ...|make ... uppercase)", "(in upper case|in uppercase|uppercased|in capital letters)", "strs"),
    Mapping("{n}.lower()", "(lowercase|lower case) versions of", "(convert ... to lower case|lowercase ...|make ... lowercase)", "(in lower case|lowercased)", "strs"),
    Mapping("{n}.capitalize()", "(capitalized) versions of", "(capitalize|capitalise) ...", "(capitalized|with a capital first letter)", "strs"),
    Mapping("{n}[::-1]", "(reversed versions|reverses) of", "reverse", "(reversed|spelled backwards|written backwards)", "strs"),
    Mapping("len({n})", "(lengths|length) of", "(take the length of|count the letters of|measure the length of) ...", "replaced by its length", "ints"),
    Mapping("{n}[0]", "(first letters|first characters|initials|first letter) of", "take the first (letter|character) of ...", "cut to its first letter", "strs"),
    Mapping("{n}[-1]", "(last letters|last characters|last letter) of", "take the last (letter|character) of ...", "cut to its last letter", "strs"),
    Mapping("{n}[:{k}]", "first {k} (letters|characters) of", "(take the first {k} letters of ...|cut ... to {k} letters)", "cut to {k} letters", "strs"),
    Mapping("{n} * 2", "", "(repeat ... twice|double ...)", "(repeated twice|doubled)", "strs"),
    Mapping("{n} + {c}", "", "(append {c} to ...|add {c} to the end of ...)", "followed by {c}", "strs"),
    Mapping("{n}.count({c})", "counts of {c} in", "count the letter {c} in ...", "replaced by its number of {c}", "ints"),
)  # fmt: skip

INTS = (
    _skill("ints > int", "sum({x})", "(the |)sum of @a@e @i {x}; (the |)sum of {x}; the total of {x}; the total of @a@e @i {x}", "sum {x}; (add up|sum up|sum) @a@e @i {x}; add @a@e @i {x} together", "total sum_value total_sum", 3),
    _skill("ints > int", "max({x})", "the (largest|biggest|greatest|highest|maximum|largest) (element|number|value|item) @i {x}; the maximum of {x}; the maximum @i {x}; the largest of {x}", "", "largest maximum biggest max_value highest", 3),
    _skill("ints > int", "min({x})", "the (smallest|lowest|least|minimum|smallest) (element|number|value|item) @i {x}; the minimum of {x}; the minimum @i {x}; the smallest of {x}", "", "smallest minimum lowest min_value", 3),
    _skill("ints > int", "len({x})", "the length of {x}; the @m of @e @i {x}; how many @e (there are in {x}|{x} has|{x} contains|are in {x}); the size of {x}", "count @a@e @i {x}", "length count size n_items", 2),
    _skill("ints > float", "sum({x}) / len({x})", "the (average|mean|arithmetic mean) of {x}; the (average|mean) of @a@e @i {x}; the (average|mean) value of {x}", "average @a@e @i {x}", "average mean avg", 2),
    _skill("ints > int", "max({x}) - min({x})", "the (range|spread) of {x}; the difference between the (maximum|largest|highest|biggest) and the (minimum|smallest|lowest) (element|number|value|) @i {x}", "subtract the smallest @o of {x} from the largest", "spread difference gap", 1.5),
    _skill("ints > float", "float(np.median({x}))", "the median of {x}; the median of @a@e @i {x}; the median value of {x}", "", "median middle", 1),
    _skill("ints > int", "int(np.prod({x}))", "the product of {x}; the product of @a@e @i {x}", "multiply @a@e @i {x} (together|)", "product", 2),
    _skill("ints > int", "{x}[0]", "the first (element|number|value|item|entry) @i {x}", "", "first", 1.5),
    _skill("ints > int", "{x}[-1]", "the (last|final) (element|number|value|item|entry) @i {x}", "", "last", 1.5),
    _skill("ints > int", "{x}[{i}]", "the (element|number|value|item) (at index|at position|with index) {i} @i {x}; the (element|number|value|item) @i {x} at index {i}", "", "element item", 1),
    _skill("ints > int", "{x}[1]", "the second (element|number|value|item) @i {x}", "", "second", 0.7),
    _skill("ints > int", "{x}[len({x}) // 2]", "the middle (element|number|value|item) @i {x}", "", "middle", 0.7),
    _skill("ints > int", "sorted({x})[-2]", "the second (largest|biggest|highest|greatest) (element|number|value|item) @i {x}", "", "second second_largest runner_up", 1),
    _skill("ints > int", "sorted({x})[1]", "the second (smallest|lowest) (element|number|value|item) @i {x}", "", "second_smallest", 0.7),
    _skill("ints > int", "{x}.count({e})", "the @m of times {e} (occurs|appears) in {x}; how (often|many times) {e} (occurs|appears|is) in {x}; the @m of (occurrences|appearances) of {e} in {x}", "count (how often|how many times) {e} (occurs|appears) in {x}; count the occurrences of {e} in {x}", "count occurrences times", 1),
    _skill("ints > int", "{x}.index({e})", "the (index|position) of {e} in {x}; the index of the first {e} in {x}", "", "index position", 0.7),
    _skill("ints > int", "{x}.index(max({x}))", "the (index|position) of the (largest|maximum|biggest|highest) (element|number|value) @i {x}; the index of the maximum of {x}", "", "index position", 0.8),
    _skill("ints > int", "{x}.index(min({x}))", "the (index|position) of the (smallest|minimum|lowest) (element|number|value) @i {x}; the index of the minimum of {x}", "", "index position", 0.8),
    _skill("ints > int", "len(set({x}))", "the @m of @d @e @i {x}; how many @d @e (there are in {x}|{x} has|{x} contains)", "count the @d @e @i {x}", "n_distinct distinct_count unique_count", 1.2),
    _skill("ints > int", "max({x}, key={x}.count)", "the most (common|frequent) (element|number|value) @i {x}; the (element|number|value) that (occurs|appears) most often in {x}; the mode of {x}", "", "most_common mode", 0.8),
    _skill("ints > int", "sum({x}[:{k}])", "the sum of the first {k} @e @i {x}", "(add|sum) up the first {k} @e @i {x}", "total", 0.5),
    _skill("ints > int", "{x}[0] + {x}[-1]", "the sum of the first and (the |)last (element|number|value|) @i {x}", "add the first and (the |)last @o of {x}", "total ends", 0.5),
    _skill("ints > int", "max({x}) + min({x})", "the sum of the (largest|maximum) and (the |)(smallest|minimum) (element|number|value|) @i {x}", "", "total", 0.4),
    _skill("ints > ints", "sorted({x})", "the @e @i {x} (sorted|in sorted order|sorted @A|@A); {x} sorted (@A|); a sorted (copy|version) of {x}; the sorted (list|version|copy) of {x}", "sort {x} (@A|); sort {x}; sort the @e @i {x} (@A|); order {x} @A; arrange {x} @A", "sorted_list ordered sorted_nums", 3),
    _skill("ints > ints", "sorted({x}, reverse=True)", "the @e @i {x} (sorted |)@D; {x} sorted @D", "sort {x} @D; sort the @e @i {x} @D; order {x} @D; arrange {x} @D", "sorted_list descending ordered", 2),
    _skill("ints > ints", "{x}[::-1]", "the reverse of {x}; {x} (reversed|in reverse|backwards); the @e @i {x} in (reverse|reversed|opposite) order; a reversed (copy|version) of {x}", "reverse {x}; reverse the order of (the @e @i |){x}", "reversed_list backwards", 2.5),
    _skill("ints > ints", "sorted(set({x}))", "the sorted @d @e @i {x}; the @d @e @i {x} (sorted|in sorted order|@A); a sorted list of the @d @e @i {x}", "remove (the |)duplicates from {x} and sort the result; sort the @d @e @i {x}", "unique distinct unique_sorted", 1.5),
    _skill("ints > ints", "list(dict.fromkeys({x}))", "{x} without (duplicates|repetitions); the @d @e @i {x} in (their |)(original order|order of (first |)appearance); the @d @e @i {x}", "remove (the |all |)(duplicates|repeated @e) from {x} (keeping the (original |)order|); drop (the |)duplicates from {x}", "unique deduplicated distinct", 1.5),
    _skill("ints > ints", "{x}[:{k}]", "the first {k} @e @i {x}; a list of the first {k} @e @i {x}", "take the first {k} @e @i {x}; keep only the first {k} @e @i {x}", "first_part start head", 1.2),
    _skill("ints > ints", "{x}[-{k}:]", "the last {k} @e @i {x}; a list of the last {k} @e @i {x}", "take the last {k} @e @i {x}; keep only the last {k} @e @i {x}", "last_part tail end", 1.2),
    _skill("ints > ints", "sorted({x}, reverse=True)[:{k}]", "the {k} (largest|biggest|highest|greatest) @e @i {x}; the top {k} @e @i {x}", "", "top largest", 0.8),
    _skill("ints > ints", "sorted({x})[:{k}]", "the {k} (smallest|lowest) @e @i {x}", "", "smallest bottom", 0.7),
    _skill("ints > ints", "{x}[1:]", "all (elements|numbers|values|items) @i {x} (except|but) the first (one|); {x} without (the|its) first (element|number|value|item); the @e @i {x} after the first", "(remove|drop) the first (element|number|value|item) (from|of) {x}; skip the first (element|number|value|item) @i {x}", "rest tail", 1),
    _skill("ints > ints", "{x}[:-1]", "all (elements|numbers|values|items) @i {x} (except|but) the last (one|); {x} without (the|its) last (element|number|value|item)", "(remove|drop) the last (element|number|value|item) (from|of) {x}", "rest front", 1),
    _skill("ints > ints", "{x}[1:-1]", "{x} without (the|its) first and last (element|number|value|item); all @e @i {x} (except|but) the first and (the |)last", "(remove|drop) the first and (the |)last (element|number|value|item) (from|of) {x}", "inner middle", 0.6),
    _skill("ints > ints", "{x}[::2]", "every (second|other) (element|number|value|item) @i {x} (starting with the first|); the @e @i {x} at even (indices|positions|indexes)", "take every (second|other) (element|number|value|item) @i {x}", "every_second selected", 0.8),
    _skill("ints > ints", "{x}[1::2]", "the @e @i {x} at odd (indices|positions|indexes); every (second|other) (element|number|value|item) @i {x} starting with the second", "", "odd_positions selected", 0.6),
    _skill("ints > ints", "[sum({x}[: i + 1]) for i in range(len({x}))]", "(the |a list of the |)(running|cumulative) (sums|totals) of {x}; the (running|cumulative) (sum|total) of {x}; the prefix sums of {x}", "", "running_sums cumulative running totals", 1.2),
    _skill("ints > ints", "[b - a for a, b in zip({x}, {x}[1:])]", "the differences (between|of) (neighbouring|neighboring|consecutive|adjacent) @e @i {x}; the (list of |)(consecutive|successive) differences of {x}; the difference between each @o of {x} and the one before", "subtract each @o of {x} from the next (one|)", "differences diffs steps", 1),
    _skill("ints > ints", "[a + b for a, b in zip({x}, {x}[1:])]", "the sums of (neighbouring|neighboring|consecutive|adjacent) @e @i {x}", "add (neighbouring|consecutive|adjacent) @e of {x}", "sums", 0.5),
    _skill("ints > ints", "{x}[{k}:] + {x}[:{k}]", "{x} rotated (to the |)left by {k} (positions|places|steps|); {x} rotated by {k} (positions|places|)", "rotate {x} (to the |)left by {k} (positions|places|steps|); rotate {x} by {k} (positions|places|); move the first {k} @e of {x} to the end", "rotated", 0.8),
    _skill("ints > ints", "{x}[-{k}:] + {x}[:-{k}]", "{x} rotated (to the |)right by {k} (positions|places|steps|)", "rotate {x} (to the |)right by {k} (positions|places|steps|); move the last {k} @e of {x} to the front", "rotated", 0.8),
    _skill("ints > ints", "{x} * {k}", "{x} repeated {k} times", "repeat {x} {k} times", "repeated", 0.7),
    _skill("ints > ints", "{x} + {x}[::-1]", "{x} followed by its reverse; {x} followed by {x} reversed", "append the reverse of {x} to {x}", "mirrored", 0.4),
    _skill("ints > ints", "sorted({x}, key=abs)", "{x} sorted by absolute value; the @e @i {x} (sorted|ordered) by (their |)absolute (value|values)", "sort {x} by absolute value; sort the @e @i {x} by (their |)absolute value", "by_absolute sorted_list", 0.7),
    _skill("ints > ints", "{x} + [{e}]", "{x} with {e} (added|appended) (at the end|); {x} followed by {e}", "", "extended longer", 0.5),
    _skill("ints > ints", "[n for n in {x} if n != {e}]", "{x} without {e}; {x} without (any|all) {e}; the @e @i {x} (other than|different from) {e}", "remove (all|every) (occurrences|occurrence) of {e} from {x}; remove {e} from {x}; remove every {e} from {x}", "remaining cleaned rest", 1),
    _skill("ints > ints", "[i for i, n in enumerate({x}) if n == {e}]", "(all the|the|all) (indices|positions|indexes) (of|where) {e} (is |)in {x}; the (indices|indexes|positions) at which {e} (occurs|appears) in {x}", "", "positions indices", 0.5),
    _skill("ints > ints", "[n * i for i, n in enumerate({x})]", "each @o of {x} multiplied by its (index|position); the @e @i {x} multiplied by their (index|indices)", "multiply (each|every) @o @i {x} by its (index|position)", "weighted", 0.6),
    _skill("ints > ints", "[n + i for i, n in enumerate({x})]", "each @o of {x} plus its (index|position); the @e @i {x} plus their index", "add (its|the) index to (each|every) @o @i {x}; add to (each|every) @o of {x} its index", "shifted", 0.5),
    _skill("ints > ints", "[n for n in {x} if {x}.count(n) == 1]", "the @e @i {x} that (occur|appear) (only once|exactly once|once); the @e that appear exactly once in {x}", "", "singles once", 0.7),
    _skill("ints > ints", "sorted(set(n for n in {x} if {x}.count(n) > 1))", "the (sorted |)@e @i {x} that (occur|appear) more than once; the (duplicates|duplicated @e|repeated @e) in {x}", "find the duplicates in {x}", "duplicates repeated", 0.7),
    _skill("ints > ints", "[n - min({x}) for n in {x}]", "each @o of {x} minus the (minimum|smallest); {x} with the (minimum|smallest @o) subtracted from (each|every) @o", "subtract the (minimum|smallest @o) of {x} from (each|every) @o", "shifted", 0.4),
    _skill("ints > ints", "[n for n in {x} if n > sum({x}) / len({x})]", "the @e @i {x} (above|greater than|larger than|that are greater than|over) the (average|mean); the @e (greater than|above) the (average|mean) of {x}", "", "above above_average", 0.8),
    _skill("ints > int", "sum(1 for n in {x} if n > sum({x}) / len({x}))", "how many @e @i {x} are (above|greater than|larger than) the (average|mean); the @m of @e @i {x} (above|greater than) the (average|mean)", "count the @e @i {x} (above|greater than) the (average|mean)", "count above", 0.6),
    _skill("ints > matrix", "[{x}[i : i + {k}] for i in range(0, len({x}), {k})]", "{x} (split|divided|cut) into (chunks|groups|pieces|parts|lists) of (size |length |){k}; the chunks of size {k} of {x}", "(split|divide|cut) {x} into (chunks|groups|pieces|parts) of (size |length |){k}", "chunks groups", 0.8),
    _skill("ints > other", "list(enumerate({x}))", "(the |a list of |)pairs of index and @o (of|for) {x}", "", "pairs indexed", 0.3),
    _skill("ints > other", "(min({x}), max({x}))", "(a|the) (tuple|pair) of the (minimum|smallest) and (the |)(maximum|largest) (@o |)of {x}; the (minimum|smallest) and (the |)(maximum|largest) @o of {x} as a (tuple|pair)", "", "bounds extremes", 0.5),
    _skill("ints > dict", "{{n: {x}.count(n) for n in {x}}}", "a dictionary (with|of) the (counts|count|number of occurrences|frequency) of (each|every) @o (of|in) {x}; a dictionary that maps (each|every) @o (of|in) {x} to its (count|number of occurrences|frequency)", "count (how often|how many times) (each|every) @o (occurs|appears) in {x}; count the occurrences of (each|every) @o in {x}", "counts frequency", 0.7),
    _skill("ints > dict", "{{n: n ** 2 for n in {x}}}", "a dictionary (from|that maps) (each|every) @o (of|in) {x} to its square", "map (each|every) @o (of|in) {x} to its square in a dictionary", "squares", 0.5),
    _skill("ints > str", '", ".join(str(n) for n in {x})', "the @e @i {x} joined (by|with) (commas|a comma) and (spaces|a space); the @e @i {x} as a string (separated|joined) by ', '", "join the @e @i {x} with ', '", "text joined", 0.4),
    _skill("ints > str", '",".join(str(n) for n in {x})', "the @e @i {x} (joined|separated) (by|with) (commas|a comma); a string of the @e @i {x} separated by commas; a comma separated string of @a@e @i {x}", "join the @e @i {x} (with|by) (commas|a comma|','); join {x} (with|by) commas", "text joined line", 0.8),
    _skill("ints > str", '"-".join(str(n) for n in {x})', "the @e @i {x} (joined|separated) (by|with) (dashes|a dash|hyphens|a hyphen); a string of the @e @i {x} separated by dashes", "join the @e @i {x} (with|by) (dashes|a dash|hyphens|'-'); join {x} (with|by) dashes", "text joined line", 0.8),
    _skill("ints > str", '" ".join(str(n) for n in {x})', "the @e @i {x} (joined|separated) (by|with) (spaces|a space); a string of the @e @i {x} separated by spaces", "join the @e @i {x} (with|by) (spaces|a space); join {x} (with|by) spaces", "text joined line", 0.8),
    _skill("ints > str", '"".join(str(n) for n in {x})', "the @e @i {x} (joined|concatenated) into (one|a|a single) string; a string of the @e @i {x} without (any |)separator", "(join|concatenate) the @e @i {x} into (one|a|a single) string", "text joined digits", 0.6),
    _skill("ints > bool", "{x} == sorted({x})", "whether {x} is sorted (@A|); whether the @e @i {x} are (in (ascending|increasing|sorted) order|sorted)", "check (whether|if) {x} is sorted (@A|)", "is_sorted ordered", 0.7),
    _skill("ints > bool", "len({x}) != len(set({x}))", "whether {x} (has|contains) (any |)duplicates; whether any @o (occurs|appears) more than once in {x}", "check (whether|if) {x} (has|contains) (any |)duplicates", "has_duplicates", 0.7),
    _skill("ints > bool", "len({x}) == len(set({x}))", "whether @a@e @i {x} are (distinct|different|unique)", "check (whether|if) @a@e @i {x} are (distinct|different|unique)", "all_distinct is_unique", 0.6),
    _skill("ints > bool", "{e} in {x}", "whether {e} (is|occurs|appears) in {x}; whether {x} contains {e}; whether {e} is (an element|one of the @e) of {x}", "check (whether|if) {e} is in {x}; check (whether|if) {x} contains {e}", "found is_there contains", 0.9),
    _skill("ints > bool", "{x} == {x}[::-1]", "whether {x} is (a palindrome|palindromic|equal to its reverse); whether {x} reads the same (backwards|in reverse)", "check (whether|if) {x} is (a palindrome|palindromic)", "is_palindrome symmetric", 0.5),
    _skill("ints ints > ints", "{x} + {y}", "the concatenation of {x} and {y}; {x} followed by {y}; {x} and {y} (joined|combined|concatenated) into one list", "(concatenate|join|combine) {x} and {y}; (append|add) the @e of {y} to {x}", "combined joined merged", 2),
    _skill("ints ints > ints", "[a + b for a, b in zip({x}, {y})]", "the (element-wise|elementwise|pairwise) sum of {x} and {y}; the sums of (corresponding|matching) @e @i {x} and {y}", "add {x} and {y} (element by element|elementwise|element-wise|pairwise); add the corresponding @e of {x} and {y}", "sums added", 1.5),
    _skill("ints ints > ints", "[a * b for a, b in zip({x}, {y})]", "the (element-wise|elementwise|pairwise) product of {x} and {y}; the products of (corresponding|matching) @e @i {x} and {y}", "multiply {x} and {y} (element by element|elementwise|element-wise|pairwise); multiply the corresponding @e of {x} and {y}", "products", 1.2),
    _skill("ints ints > ints", "[a - b for a, b in zip({x}, {y})]", "the (element-wise|elementwise|pairwise) difference of {x} and {y}; the differences of (corresponding|matching) @e @i {x} and {y}", "subtract {y} from {x} (element by element|elementwise|element-wise|pairwise)", "differences", 0.8),
    _skill("ints ints > ints", "[max(a, b) for a, b in zip({x}, {y})]", "the larger of (each|every) pair of (corresponding |)@e @i {x} and {y}; the (element-wise|elementwise|pairwise) maximum of {x} and {y}", "", "larger", 0.5),
    _skill("ints ints > int", "sum(a * b for a, b in zip({x}, {y}))", "the (dot|scalar|inner) product of {x} and {y}; the sum of the products of (corresponding|matching) @e @i {x} and {y}", "", "dot dot_product", 1.2),
    _skill("ints ints > ints", "[n for n in {x} if n in {y}]", "the @e (of|in|from) {x} that are (also |)in {y}; the (common @e|@e in common) of {x} and {y}; the @e that {x} and {y} (share|have in common); the @e (that are|which are) in both {x} and {y}", "", "common shared both", 1.5),
    _skill("ints ints > ints", "[n for n in {x} if n not in {y}]", "the @e (of|in|from) {x} that are not in {y}; the @e (of|in|from) {x} (missing from|absent from|not found in) {y}; the @e that are in {x} but not in {y}", "(remove|drop) from {x} (all|the) @e (that are |which are |)in {y}", "missing only_first rest", 1.3),
    _skill("ints ints > ints", "sorted({x} + {y})", "{x} and {y} (merged|combined|together) in sorted order; the sorted (concatenation|combination) of {x} and {y}; @a@e of {x} and {y} (sorted|in sorted order|@A)", "merge {x} and {y} into (one|a|a single) sorted list; (combine|join|concatenate) {x} and {y} and sort the result", "merged", 1.2),
    _skill("ints ints > ints", "sorted(set({x}) & set({y}))", "the sorted (common @e|intersection) of {x} and {y}; the intersection of {x} and {y} (sorted|as a sorted list)", "", "common shared", 0.7),
    _skill("ints ints > ints", "sorted(set({x}) | set({y}))", "the sorted union of {x} and {y}; the union of {x} and {y} (sorted|as a sorted list); the sorted @d @e of {x} and {y}", "", "union all_values", 0.7),
    _skill("ints ints > int", "sum({x}) + sum({y})", "the sum of all @e of {x} and {y}; the total of {x} and {y}; the sum of both lists {x} and {y}", "", "total", 0.7),
    _skill("ints ints > int", "max({x} + {y})", "the (largest|biggest|maximum|greatest) (element|number|value) of {x} and {y} (together|); the overall maximum of {x} and {y}", "", "largest", 0.6),
    _skill("ints ints > int", "len({x}) + len({y})", "the (total number of @e|sum of the lengths) (in|of) {x} and {y}", "", "total_length", 0.5),
    _skill("ints ints > other", "list(zip({x}, {y}))", "(a list of |the |)pairs (of|from) {x} and {y}; (a list of |)(the |)pairs of (corresponding|matching) @e @i {x} and {y}", "(pair|zip) {x} (with|and) {y}; (pair|zip) the @e of {x} and {y}; zip {x} and {y} together", "pairs zipped", 1),
    _skill("ints ints > bool", "sorted({x}) == sorted({y})", "whether {x} and {y} (have|contain) the same @e (in any order|)", "check (whether|if) {x} and {y} (have|contain) the same @e", "same", 0.5),
    _skill("ints ints > bool", "sum({x}) > sum({y})", "whether the sum of {x} is (greater|larger|bigger) than (the sum|that) of {y}", "check (whether|if) the sum of {x} is (greater|larger) than the sum of {y}", "larger", 0.4),
    _skill("ints int > ints", "[n * {y} for n in {x}]", "(each|every) @o (of|in) {x} (multiplied by|times) {y}; {x} with (each|every) @o multiplied by {y}", "multiply (each|every) @o (of|in) {x} (by|with) {y}; (scale|multiply) {x} by {y}", "scaled", 1),
    _skill("ints int > ints", "[n + {y} for n in {x}]", "(each|every) @o (of|in) {x} (plus|increased by) {y}; {x} with {y} added to (each|every) @o", "add {y} to (each|every) @o (of|in) {x}; increase (each|every) @o of {x} by {y}", "shifted", 1),
    _skill("ints int > ints", "[n - {y} for n in {x}]", "(each|every) @o (of|in) {x} (minus|decreased by) {y}", "subtract {y} from (each|every) @o (of|in) {x}", "shifted", 0.8),
    _skill("ints int > other", "[n / {y} for n in {x}]", "(each|every) @o (of|in) {x} divided by {y}", "divide (each|every) @o (of|in) {x} by {y}", "scaled normalized", 0.6),
    _skill("ints int > ints", "[n for n in {x} if n > {y}]", "the @e (of|in) {x} (that are |)@g than {y}; @a@e (of|in) {x} (above|over) {y}", "(keep|select) (only |)the @e @i {x} @g than {y}", "larger above", 1),
    _skill("ints int > ints", "[n for n in {x} if n < {y}]", "the @e (of|in) {x} (that are |)(less|smaller|lower) than {y}; @a@e (of|in) {x} (below|under) {y}", "(keep|select) (only |)the @e @i {x} (less|smaller) than {y}", "smaller below", 1),
    _skill("ints int > int", "sum(1 for n in {x} if n > {y})", "the @m of @e (of|in) {x} (that are |)@g than {y}; how many @e (of|in) {x} are @g than {y}", "count the @e @i {x} @g than {y}", "count", 0.8),
    _skill("ints int > int", "{x}.count({y})", "the @m of times {y} (occurs|appears) in {x}; how (often|many times) {y} (occurs|appears) in {x}", "count the occurrences of {y} in {x}; count (how often|how many times) {y} (occurs|appears) in {x}", "count", 0.8),
    _skill("ints int > bool", "{y} in {x}", "whether {y} is in {x}; whether {x} contains {y}", "check (whether|if) {y} is in {x}; check (whether|if) {x} contains {y}", "found", 0.8),
)  # fmt: skip

TEXTS = (
    _skill("str > str", "{x}.upper()", "{x} in (upper case|uppercase|capital letters|all capitals); the (uppercase|upper case) (version|form) of {x}; {x} converted to (upper case|uppercase)", "convert {x} to (upper case|uppercase|capital letters); uppercase {x}; make {x} (upper case|uppercase); turn {x} into (upper case|uppercase)", "upper shout uppercase", 2),
    _skill("str > str", "{x}.lower()", "{x} in (lower case|lowercase|small letters); the (lowercase|lower case) (version|form) of {x}; {x} converted to (lower case|lowercase)", "convert {x} to (lower case|lowercase|small letters); lowercase {x}; make {x} (lower case|lowercase); turn {x} into (lower case|lowercase)", "lower lowercase", 2),
    _skill("str > str", "{x}[::-1]", "the reverse of {x}; {x} (reversed|in reverse|spelled backwards|backwards|written backwards); the @l of {x} in (reverse|reversed) order; the reversed (string|text|version) of {x}", "reverse {x}; reverse the order of the @l (of|in) {x}; (spell|write) {x} backwards", "reversed_text backwards", 2.5),
    _skill("str > str", "{x}.capitalize()", "{x} with (a capital first letter|its first letter capitalized|an uppercase first letter); {x} capitalized", "(capitalize|capitalise) {x}; capitalize the first letter of {x}", "capitalized", 1),
    _skill("str > str", "{x}.title()", "{x} in title case; {x} with (each|every) word capitalized; the title case (version|form) of {x}", "(convert|change|turn) {x} (in|)to title case; capitalize (each|every) word (of|in) {x}; capitalize the first letter of (each|every) word (of|in) {x}", "title titled", 1.3),
    _skill("str > str", "{x}.swapcase()", "{x} with (upper and lower case|the case|cases) swapped", "swap (the case|upper and lower case) (of|in) {x}; swap the case of (each|every|all) (letter|letters) (of|in) {x}", "swapped", 0.7),
    _skill("str > str", "{x}.strip()", "{x} without (leading and trailing|surrounding) (spaces|whitespace)", "(strip|trim) {x}; (remove|strip) (the |)(leading and trailing|surrounding) (spaces|whitespace) (from|of) {x}", "stripped clean trimmed", 0.6),
    _skill("str > str", "{x}[0]", "the first (letter|character) (of|in) {x}", "", "first initial", 1.2),
    _skill("str > str", "{x}[-1]", "the last (letter|character) (of|in) {x}", "", "last", 1.2),
    _skill("str > str", "{x}[{i}]", "the (letter|character) (at|with) (index|position) {i} (of|in) {x}", "", "letter char", 0.8),
    _skill("str > str", "{x}[:{k}]", "the first {k} @l (of|in) {x}; a string of the first {k} @l of {x}", "take the first {k} @l (of|in) {x}; cut {x} (to|after) {k} @l", "prefix start", 1.2),
    _skill("str > str", "{x}[-{k}:]", "the last {k} @l (of|in) {x}", "take the last {k} @l (of|in) {x}", "suffix end", 1.1),
    _skill("str > str", "{x}[1:]", "{x} without (its|the) first (letter|character); all (but|except) the first (letter|character) of {x}", "(remove|drop) the first (letter|character) (from|of) {x}", "rest", 0.8),
    _skill("str > str", "{x}[:-1]", "{x} without (its|the) last (letter|character); all (but|except) the last (letter|character) of {x}", "(remove|drop) the last (letter|character) (from|of) {x}", "rest", 0.8),
    _skill("str > str", "{x}[::2]", "every (second|other) (letter|character) (of|in) {x}; the @l (of|in) {x} at even (indices|positions)", "take every (second|other) (letter|character) (of|in) {x}", "every_second", 0.8),
    _skill("str > str", "{x}[len({x}) // 2]", "the middle (letter|character) (of|in) {x}", "", "middle", 0.5),
    _skill("str > str", "{x} * {k}", "{x} repeated {k} times; {k} copies of {x}", "repeat {x} {k} times; repeat the (string|text) {x} {k} times", "repeated", 1),
    _skill("str > str", "{x} + {x}[::-1]", "{x} followed by its reverse", "(append|add) the reverse of {x} to {x}", "mirrored", 0.6),
    _skill("str > str", '"".join(c for c in {x} if c.lower() not in "aeiou")', "{x} without (its |the |any |)vowels; {x} with (all |the |all the |its |)vowels removed", "remove (all |the |all the |all of the |)vowels from {x}; delete (all |the |)vowels from {x}; drop (the |)vowels from {x}", "no_vowels consonants cleaned", 1.6),
    _skill("str > str", '"".join(c for c in {x} if c.lower() in "aeiou")', "the vowels (of|in) {x} (as a string|joined together|in order|); a string of (all |)the vowels (of|in) {x}; only the vowels of {x}", "keep only the vowels (of|in) {x}", "vowels", 1),
    _skill("str > str", '{x}.replace(" ", "")', "{x} without (spaces|its spaces|the spaces|any spaces|blanks); {x} with (all |the |)spaces removed", "remove (all |the |all the |)(spaces|blanks) from {x}; delete (all |the |)spaces from {x}", "no_spaces compact", 1.3),
    _skill("str > str", '{x}.replace(" ", "_")', "{x} with (spaces|(all |)the spaces|its spaces) replaced (by|with) (underscores|an underscore)", "replace (all |the |all the |)spaces (in|of) {x} (by|with) (underscores|an underscore)", "snake", 0.7),
    _skill("str > str", '{x}.replace(" ", "-")', "{x} with (spaces|(all |)the spaces|its spaces) replaced (by|with) (dashes|hyphens|a dash|a hyphen)", "replace (all |the |all the |)spaces (in|of) {x} (by|with) (dashes|hyphens|a dash|a hyphen)", "slug dashed", 0.8),
    _skill("str > str", "{x}.replace({c}, {c2})", "{x} with (every|each) {c} replaced (by|with) {c2}; {x} with {c} replaced (by|with) {c2}", "replace (every|each|all|the letter|) {c} (in|of) {x} (by|with) {c2}; (change|turn) (every|each) {c} (in|of) {x} (to|into) {c2}", "replaced changed", 1.4),
    _skill("str > str", '{x}.replace({c}, "")', "{x} without (the letter |any |every |){c}; {x} with (every|each|all) {c} removed", "remove (every|each|all|the letter) {c} from {x}; delete (every|each|all) {c} from {x}", "cleaned without", 1),
    _skill("str > str", '"".join(sorted({x}))', "the (sorted letters|sorted characters|letters sorted|characters in sorted order) of {x} (as a string|joined together|); {x} with its @l sorted; a string of the sorted @l of {x}", "sort the @l (of|in) {x} (alphabetically |in alphabetical order |)and join them", "sorted_letters", 1),
    _skill("str > str", '"".join(dict.fromkeys({x}))', "the @d @l (of|in) {x} in (their |)(original order|order of (first |)appearance) (as a string|); {x} without (repeated|duplicate) @l; {x} with (repeated|duplicate) @l removed", "remove (repeated|duplicate|duplicated) @l from {x}", "unique_letters", 0.8),
    _skill("str > str", '"".join(c for c in {x} if c.isalpha())', "only the letters (of|in) {x}; the letters (of|in) {x} without (anything|everything) else", "keep only the letters (of|in) {x}; remove everything (but|except) letters from {x}; remove all (characters|symbols) that are not letters from {x}", "letters only_letters", 0.9),
    _skill("str > str", '"".join(c for c in {x} if c.isdigit())', "only the digits (of|in) {x}; the digits (of|in) {x} (as a string|joined together)", "keep only the digits (of|in) {x}; extract the digits (of|from|in) {x} as a string", "digits only_digits", 0.8),
    _skill("str > str", '"".join(c for c in {x} if not c.isdigit())', "{x} without (digits|its digits|any digits|the digits)", "remove (all |the |all the |)digits from {x}", "no_digits", 0.7),
    _skill("str > str", '"".join(c for c in {x} if c.isupper())', "the (capital|uppercase|upper case) letters (of|in) {x} (as a string|joined together|)", "keep only the (capital|uppercase) letters (of|in) {x}", "capitals", 0.5),
    _skill("str > str", '"".join(c * 2 for c in {x})', "{x} with (each|every) (letter|character) (doubled|written twice|repeated twice)", "(double|repeat) (each|every) (letter|character) (of|in) {x}; write (each|every) (letter|character) (of|in) {x} twice", "doubled", 0.7),
    _skill("str > str", '"-".join({x})', "the @l of {x} (joined|separated) (by|with) (dashes|a dash|hyphens)", "(join|separate) the @l of {x} (by|with) (dashes|a dash|hyphens); put a dash between the @l of {x}", "dashed", 0.7),
    _skill("str > str", "{x}.split()[0]", "the first word (of|in) {x}", "", "first_word", 1.1),
    _skill("str > str", "{x}.split()[-1]", "the last word (of|in) {x}", "", "last_word", 1.1),
    _skill("str > str", "max({x}.split(), key=len)", "the longest word (of|in) {x}", "", "longest longest_word", 1.3),
    _skill("str > str", "min({x}.split(), key=len)", "the shortest word (of|in) {x}", "", "shortest shortest_word", 1),
    _skill("str > str", "max({x}.split())", "the alphabetically last word (of|in) {x}; the word (of|in) {x} that comes last in the alphabet", "", "last_word", 0.3),
    _skill("str > str", '" ".join({x}.split()[::-1])', "the words of {x} in (reverse|reversed|opposite) order (joined (by|with) (spaces|a space)|); {x} with (its|the) words in (reverse|reversed) order", "reverse the (order of the |)words (of|in) {x}; reverse the word order (of|in) {x}", "reversed_words", 1.2),
    _skill("str > str", '" ".join(w[::-1] for w in {x}.split())', "{x} with (each|every) word reversed; {x} with the letters of (each|every) word reversed", "reverse (each|every) word (of|in) {x}; reverse the letters of (each|every) word (of|in) {x}", "reversed_words", 1),
    _skill("str > str", '" ".join(w.capitalize() for w in {x}.split())', "the capitalized words of {x} (joined|separated) (by|with) (spaces|a space)", "capitalize the words of {x} and join them with spaces", "capitalized", 0.5),
    _skill("str > str", '" ".join(sorted({x}.split()))', "the sorted words of {x} (joined|separated) (by|with) (spaces|a space); {x} with (its|the) words sorted (alphabetically|in alphabetical order|)", "sort the words (of|in) {x} (alphabetically |)and join them (with|by) (spaces|a space)", "sorted_words", 0.9),
    _skill("str > str", '"".join(w[0] for w in {x}.split())', "the (initials|first letters of the words|first letter of each word) of {x} (joined together|as a string|); the first (letters|letter) of (each|every|all) (word|words) (of|in) {x} (joined together|as a string)", "(join|concatenate) the first letters of the words (of|in) {x}", "initials", 0.9),
    _skill("str > str", '"".join(w[0].upper() for w in {x}.split())', "the acronym of {x}; the (uppercase|capital|upper case) initials of {x}; the (uppercase|upper case) first letters of the words (of|in) {x} joined together", "(build|make|form) an acronym (from|of|out of) {x}", "acronym initials", 0.9),
    _skill("str > str", '"".join(chr((ord(c) - 97 + {k}) % 26 + 97) if c.isalpha() else c for c in {x}.lower())', "{x} with (each|every) letter shifted by {k} (places |positions |)(in the alphabet|); the Caesar cipher of {x} with (a |)shift (of |){k}", "shift (each|every) letter (of|in) {x} by {k} (places |positions |)(in the alphabet|); (encode|encrypt) {x} with a Caesar (cipher|shift) of {k}", "shifted encoded cipher", 0.5),
    _skill("str > str", 'f"Hello, {{{x}}}!"', "a greeting (for {x}|of the form \"Hello, NAME!\" for {x}); the text \"Hello, \" followed by {x} and an exclamation mark", "greet {x} with \"Hello, ...!\"", "greeting", 0.5),
    _skill("str > str", '{x} + "!"', "{x} followed by an exclamation mark; {x} with an exclamation mark at the end", "(add|append) an exclamation mark to (the end of |){x}", "excited", 0.6),
    _skill("str > str", '{x} + {w}', "{x} followed by {w}", "(append|add) {w} to (the end of |){x}; (append|add) the (string|word|text) {w} to {x}", "longer extended", 0.8),
    _skill("str > str", '{w} + {x}', "{w} followed by {x}", "(prepend|put|add) {w} (to the (front|start|beginning) of|before|in front of) {x}", "longer extended prefixed", 0.6),
    _skill("str > str", '{x}.center({k} + len({x}), "*")', "{x} (padded|centered) with stars", "center {x} with stars", "centered", 0.1),
    _skill("str > int", "len({x})", "the length of {x}; the @m of @l @i {x}; how many @l (there are in {x}|{x} has|are in {x}); how long {x} is", "count (the|all) @l (of|in) {x}; measure the length of {x}", "length n_letters size", 2.5),
    _skill("str > int", "len({x}.split())", "the @m of words @i {x}; how many words (there are in {x}|{x} has|are in {x}|{x} contains); the word count of {x}", "count (the|all|the number of) words (of|in) {x}", "n_words word_count", 2),
    _skill("str > int", 'sum(1 for c in {x} if c.lower() in "aeiou")', "the @m of vowels @i {x}; how many vowels (there are in {x}|{x} has|are in {x}|{x} contains)", "count (the|all|the number of) vowels (of|in) {x}", "n_vowels vowels vowel_count", 2.5),
    _skill("str > int", 'sum(1 for c in {x} if c.isalpha() and c.lower() not in "aeiou")', "the @m of consonants @i {x}; how many consonants (there are in {x}|{x} has|{x} contains)", "count (the|all|the number of) consonants (of|in) {x}", "n_consonants consonants", 1),
    _skill("str > int", '{x}.count(" ")', "the @m of (spaces|blanks) @i {x}; how many spaces (there are in {x}|{x} has|{x} contains)", "count (the|all|the number of) (spaces|blanks) (of|in) {x}", "n_spaces spaces", 0.9),
    _skill("str > int", "sum(1 for c in {x} if c.isdigit())", "the @m of digits @i {x}; how many digits (there are in {x}|{x} has|{x} contains)", "count (the|all|the number of) digits (of|in) {x}", "n_digits digit_count", 1),
    _skill("str > int", "sum(1 for c in {x} if c.isupper())", "the @m of (capital|uppercase|upper case) letters @i {x}; how many (capital|uppercase) letters (there are in {x}|{x} has|{x} contains)", "count (the|all|the number of) (capital|uppercase|upper case) letters (of|in) {x}", "n_upper n_capitals", 1),
    _skill("str > int", "sum(1 for c in {x} if c.islower())", "the @m of (lowercase|lower case|small) letters @i {x}", "count (the|all|the number of) (lowercase|lower case|small) letters (of|in) {x}", "n_lower", 0.6),
    _skill("str > int", "{x}.count({c})", "the @m of (times the letter |times |){c} (occurs in|appears in|in) {x}; how (often|many times) (the letter |){c} (occurs|appears|is) in {x}; the @m of (occurrences|appearances) of (the letter |){c} in {x}", "count (how often|how many times) (the letter |){c} (occurs|appears) in {x}; count (the occurrences of |)(the letter |every |){c} in {x}", "count n_times occurrences", 1.6),
    _skill("str > int", "{x}.index({c})", "the (index|position) of (the letter |the first |){c} in {x}", "", "index position", 0.8),
    _skill("str > int", "len(set({x}))", "the @m of @d @l @i {x}; how many @d @l (there are in {x}|{x} has|{x} contains)", "count the @d @l (of|in) {x}", "n_distinct distinct", 1.2),
    _skill("str > int", "sum(int(c) for c in {x} if c.isdigit())", "the sum of (all |)(the |)digits @i {x}", "(add|sum) up (all |)(the |)digits (of|in) {x}", "digit_sum total", 0.8),
    _skill("str > int", "max(len(w) for w in {x}.split())", "the length of the longest word (of|in) {x}", "", "longest_length", 0.7),
    _skill("str > strs", "list({x})", "(a|the) list of (the|all|all the) @l (of|in) {x}; the @l (of|in) {x} (as a list|); {x} as a list of @l", "(split|turn|convert) {x} into (a list of |single |)@l", "letters chars", 1.4),
    _skill("str > strs", "{x}.split()", "(a|the) list of (the |)words (of|in) {x}; the words (of|in) {x} (as a list|)", "split {x} into (words|a list of words); split {x} (on|at|by) (spaces|whitespace|blanks)", "words parts", 2.5),
    _skill("str > strs", '{x}.split(",")', "the parts of {x} (between|separated by) commas", "split {x} (on|at|by) (commas|the commas|each comma|',')", "parts pieces", 0.9),
    _skill("str > strs", '{x}.split("-")', "the parts of {x} (between|separated by) (dashes|hyphens)", "split {x} (on|at|by) (dashes|the dashes|hyphens|'-')", "parts pieces", 0.9),
    _skill("str > ints", "[len(w) for w in {x}.split()]", "(a list of |)the (lengths|length) of (the|each|all|all the|every) (words|word) (of|in) {x}", "", "lengths word_lengths", 1.3),
    _skill("str > strs", "[w for w in {x}.split() if len(w) > {k}]", "(a list of |)the words (of|in) {x} (longer than {k} (letters|characters)|with more than {k} (letters|characters)|that are longer than {k}); the words longer than {k} letters in {x}", "", "long_words", 0.9),
    _skill("str > strs", "[w for w in {x}.split() if w.startswith({c})]", "(a list of |)the words (of|in) {x} (that start with|starting with|beginning with) {c}", "", "selected", 0.7),
    _skill("str > strs", "sorted({x}.split())", "(a list of |)the sorted words (of|in) {x}; the words (of|in) {x} in (alphabetical|sorted) order; (a|the) sorted list of the words (of|in) {x}", "sort the words (of|in) {x} (alphabetically|)", "sorted_words", 1.1),
    _skill("str > strs", "sorted(set({x}))", "(a list of |)the sorted @d @l (of|in) {x}; (a|the) sorted list of the @d @l (of|in) {x}; the @d @l (of|in) {x} (sorted|in alphabetical order|in sorted order|as a sorted list)", "sort the @d @l (of|in) {x}", "letters unique chars", 1.2),
    _skill("str > strs", "sorted({x})", "(a|the) (sorted list of (the|all|all the) @l|list of sorted @l) (of|in) {x}; the @l (of|in) {x} (as a sorted list|in alphabetical order)", "sort the @l (of|in) {x} (alphabetically|in alphabetical order|)", "sorted_letters", 0.8),
    _skill("str > strs", "{x}.split()[::-1]", "(a list of |)the words (of|in) {x} in (reverse|reversed) order; (a|the) reversed list of (the |)words (of|in) {x}", "", "reversed_words", 0.7),
    _skill("str > strs", "[w.upper() for w in {x}.split()]", "(a list of |)the words (of|in) {x} in (upper case|uppercase); (a list of |)the (uppercase|upper case) words of {x}", "", "upper_words", 0.6),
    _skill("str > strs", "[c for c in {x} if c in \"aeiou\"]", "(a|the) list of (the |all |all the |)vowels (of|in) {x}", "", "vowels", 0.6),
    _skill("str > ints", "[int(c) for c in {x} if c.isdigit()]", "(a|the) list of (the |all |all the |)digits (of|in) {x} (as integers|as numbers|)", "", "digits", 0.6),
    _skill("str > ints", "[ord(c) for c in {x}]", "(a list of |)the (character codes|ASCII codes|Unicode codes) of (the @l (of|in) |){x}", "", "codes", 0.4),
    _skill("str > bool", "{x} == {x}[::-1]", "whether {x} is (a palindrome|equal to its reverse|a palindromic (word|string)); whether {x} reads the same (backwards|in both directions|forwards and backwards)", "check (whether|if) {x} is (a palindrome|the same backwards|equal to its reverse)", "is_palindrome palindrome", 1.4),
    _skill("str > bool", "{x}.startswith({c})", "whether {x} (starts|begins) with (the letter |){c}; whether the first letter of {x} is {c}", "check (whether|if) {x} (starts|begins) with (the letter |){c}", "starts", 0.9),
    _skill("str > bool", "{x}.endswith({c})", "whether {x} ends (with|in) (the letter |){c}; whether the last letter of {x} is {c}", "check (whether|if) {x} ends (with|in) (the letter |){c}", "ends", 0.9),
    _skill("str > bool", "{c} in {x}", "whether {x} contains (the letter |){c}; whether (the letter |){c} (is|occurs|appears) in {x}", "check (whether|if) {x} contains (the letter |){c}; check (whether|if) (the letter |){c} is in {x}", "contains found", 1),
    _skill("str > bool", "{w} in {x}", "whether {x} contains (the (word|string|text) |){w}; whether (the (word|string|text) |){w} (is|occurs|appears) in {x}", "check (whether|if) {x} contains (the (word|string|text) |){w}; check (whether|if) {w} is in {x}", "contains found", 1),
    _skill("str > bool", "{x}.isdigit()", "whether {x} (consists only of|contains only|has only|consists of) digits", "check (whether|if) {x} (consists only of|contains only|has only) digits", "is_number only_digits", 0.6),
    _skill("str > bool", "{x}.isupper()", "whether {x} is (in |written in |)(upper case|uppercase|all capitals)", "check (whether|if) {x} is (in |)(upper case|uppercase)", "is_upper", 0.6),
    _skill("str > bool", "{x}.islower()", "whether {x} is (in |written in |)(lower case|lowercase)", "check (whether|if) {x} is (in |)(lower case|lowercase)", "is_lower", 0.5),
    _skill("str > bool", "len({x}) == len(set({x}))", "whether @a@l (of|in) {x} are (distinct|different|unique)", "check (whether|if) @a@l (of|in) {x} are (distinct|different|unique)", "all_distinct", 0.6),
    _skill("str > dict", "{{c: {x}.count(c) for c in {x}}}", "(a|the) dictionary (with|of) the (counts|count|number of occurrences|frequency) of (each|every|the|all) (letter|character|letters) (of|in) {x}; a dictionary that maps (each|every) (letter|character) (of|in) {x} to (its (count|number of occurrences|frequency)|how often it occurs); the letter counts of {x}", "count (how often|how many times) (each|every) (letter|character) (occurs|appears) in {x}; count the (occurrences of (each|every) (letter|character)|@l) in {x} (in|with) a dictionary", "counts letter_counts", 1.2),
    _skill("str > dict", "{{w: {x}.split().count(w) for w in {x}.split()}}", "(a|the) dictionary (with|of) the (counts|count|number of occurrences) of (each|every|the) (word|words) (of|in) {x}; a dictionary that maps (each|every) word (of|in) {x} to (its (count|number of occurrences)|how often it occurs); the word counts of {x}", "count (how often|how many times) (each|every) word (occurs|appears) in {x}", "counts word_counts", 0.9),
    _skill("str > dict", "{{w: len(w) for w in {x}.split()}}", "a dictionary that maps (each|every) word (of|in) {x} to its length; a dictionary from the words (of|in) {x} to their lengths", "map (each|every) word (of|in) {x} to its length", "word_lengths", 0.7),
    _skill("str > str", "max({x}, key={x}.count)", "the most (common|frequent) (letter|character) (of|in) {x}; the (letter|character) that (occurs|appears) most often in {x}", "", "most_common", 0.7),
    _skill("str > int", "int({x})", "{x} as (an integer|a number)", "convert {x} to (an integer|a number|an int)", "number", 0.3),
    _skill("str str > str", "{x} + {y}", "the concatenation of {x} and {y}; {x} followed by {y}; {x} and {y} (joined|combined) (into one string|)", "(concatenate|join|combine) {x} and {y}; (append|add) {y} to {x}", "combined joined", 2),
    _skill("str str > str", '{x} + " " + {y}', "{x} and {y} (joined|separated) (by|with) a (space|blank); {x} followed by a space and {y}; the concatenation of {x} and {y} with a space (between|in between)", "(join|concatenate|combine) {x} and {y} with a space (between them|in between|between|)", "full combined joined phrase", 2),
    _skill("str str > str", '{x} + "-" + {y}', "{x} and {y} (joined|separated) (by|with) a (dash|hyphen)", "(join|concatenate|combine) {x} and {y} with a (dash|hyphen) (between them|in between|)", "combined joined", 1),
    _skill("str str > str", '{x} + ", " + {y}', "{x} and {y} (joined|separated) by a comma and a space", "(join|concatenate) {x} and {y} with a comma and a space", "combined", 0.5),
    _skill("str str > str", "{x} if len({x}) > len({y}) else {y}", "the longer of {x} and {y}; the longer (string|word|one) of {x} and {y}; whichever of {x} and {y} is longer", "", "longer", 1),
    _skill("str str > str", "{x} if len({x}) < len({y}) else {y}", "the shorter of {x} and {y}; the shorter (string|word|one) of {x} and {y}; whichever of {x} and {y} is shorter", "", "shorter", 0.7),
    _skill("str str > bool", "sorted({x}) == sorted({y})", "whether {x} and {y} are anagrams (of each other|); whether {x} is an anagram of {y}", "check (whether|if) {x} and {y} are anagrams (of each other|)", "are_anagrams anagram", 1.3),
    _skill("str str > bool", "{x}.lower() == {y}.lower()", "whether {x} and {y} are (equal|the same) (ignoring case|when case is ignored|apart from case)", "check (whether|if) {x} and {y} are (equal|the same) ignoring case; compare {x} and {y} ignoring case", "same equal", 0.8),
    _skill("str str > bool", "{x} == {y}", "whether {x} and {y} are (equal|the same); whether {x} equals {y}", "check (whether|if) {x} (and {y} are (equal|the same)|equals {y})", "same equal", 0.9),
    _skill("str str > bool", "{y} in {x}", "whether {y} (occurs|appears|is contained|is) in {x}; whether {x} contains {y}", "check (whether|if) {x} contains {y}; check (whether|if) {y} is in {x}", "contains found", 1),
    _skill("str str > bool", "{x}.startswith({y})", "whether {x} (starts|begins) with {y}", "check (whether|if) {x} (starts|begins) with {y}", "starts", 0.6),
    _skill("str str > bool", "len({x}) == len({y})", "whether {x} and {y} have the same length; whether {x} is as long as {y}", "check (whether|if) {x} and {y} have the same length", "same_length", 0.6),
    _skill("str str > int", "len({x}) + len({y})", "the (total|combined) length of {x} and {y}; the sum of the lengths of {x} and {y}", "", "total_length", 0.9),
    _skill("str str > int", "{x}.count({y})", "how (often|many times) {y} (occurs|appears) in {x}; the @m of (times|occurrences of) {y} in {x}", "count how often {y} (occurs|appears) in {x}", "count", 0.9),
    _skill("str str > strs", "sorted(set({x}) & set({y}))", "(a|the) sorted list of the (common @l|@l) (of|in both) {x} and {y}; the sorted @l that {x} and {y} (share|have in common); the sorted common letters of {x} and {y}", "", "common shared", 1),
    _skill("str str > str", '"".join(c for c in {x} if c in {y})', "the @l of {x} that (also |)(occur|appear|are) in {y}", "keep only the @l of {x} that (occur|appear|are) in {y}", "common shared", 0.7),
    _skill("str str > str", '"".join(c for c in {x} if c not in {y})', "the @l of {x} that (do not occur|do not appear|are not) in {y}", "remove from {x} (all|the) @l that (occur|appear|are) in {y}; remove the @l of {y} from {x}", "rest", 0.7),
    _skill("str str > str", '"".join(a + b for a, b in zip({x}, {y}))', "the @l of {x} and {y} (interleaved|alternating|taken in turn)", "interleave (the @l of |){x} and {y}", "mixed", 0.6),
    _skill("str str > int", "sum(1 for a, b in zip({x}, {y}) if a != b)", "the @m of positions (at which|where) {x} and {y} differ; the Hamming distance (of|between) {x} and {y}", "count the positions (at which|where) {x} and {y} differ", "distance n_different", 0.7),
    _skill("str str > int", "sum(1 for a, b in zip({x}, {y}) if a == b)", "the @m of positions (at which|where) {x} and {y} (agree|are equal|have the same letter)", "count the positions (at which|where) {x} and {y} (agree|are equal)", "n_equal", 0.5),
    _skill("str int > str", "{x} * {y}", "{x} repeated {y} times; {y} copies of {x}", "repeat {x} {y} times", "repeated", 1.5),
    _skill("str int > str", "{x}[:{y}]", "the first {y} @l (of|in) {x}", "take the first {y} @l (of|in) {x}; cut {x} after {y} @l", "prefix", 1),
    _skill("str int > str", "{x}[-{y}:]", "the last {y} @l (of|in) {x}", "take the last {y} @l (of|in) {x}", "suffix", 0.7),
    _skill("str int > str", 'f"{{{x}}}: {{{y}}}"', "{x} and {y} (joined|separated) by a colon and a space; {x} followed by a colon, a space and {y}; a string of the form \"{x}: {y}\"", "", "line label", 0.8),
    _skill("str int > str", 'f"{{{x}}} is {{{y}}} years old"', "a sentence that says {x} is {y} years old; the sentence \"{x} is {y} years old\"", "", "sentence", 0.4),
    _skill("str int > str", '{x} + str({y})', "{x} followed by {y}; the concatenation of {x} and {y}", "append {y} to {x} as text", "label", 0.8),
)  # fmt: skip

WORDS = (
    _skill("strs > str", '" ".join({x})', "the @s @i {x} (joined|separated) (by|with) (spaces|a space); a (sentence|string) (made of|of|from) the @s @i {x} (separated by spaces|)", "join {x} (with|by|using) (spaces|a space|blanks); join the @s @i {x} (with|by|using) (spaces|a space); (combine|join) the @s @i {x} into a sentence", "sentence joined text", 2.5),
    _skill("strs > str", '", ".join({x})', "the @s @i {x} (joined|separated) (by|with) (commas and spaces|a comma and a space|', ')", "join {x} (with|by|using) (a comma and a space|commas and spaces|', '); join the @s @i {x} (with|by|using) (a comma and a space|', ')", "line joined text", 1),
    _skill("strs > str", '",".join({x})', "the @s @i {x} (joined|separated) (by|with) (commas|a comma); a comma separated string of the @s @i {x}", "join {x} (with|by|using) (commas|a comma|','); join the @s @i {x} (with|by|using) (commas|a comma)", "line joined text", 1.5),
    _skill("strs > str", '"-".join({x})', "the @s @i {x} (joined|separated) (by|with) (dashes|a dash|hyphens|a hyphen)", "join {x} (with|by|using) (dashes|a dash|hyphens|a hyphen|'-'); join the @s @i {x} (with|by|using) (dashes|a dash|hyphens)", "line joined text slug", 1.5),
    _skill("strs > str", '"".join({x})', "the @s @i {x} (concatenated|joined without spaces|joined together|joined into one string); the concatenation of (all |the |)@s @i {x}", "concatenate (all |the |all the |)@s @i {x}; join {x} (without (spaces|a separator|any separator)|into one string|together); join the @s @i {x} into one (string|word)", "joined text", 1.5),
    _skill("strs > str", "max({x}, key=len)", "the longest (word|string|element|name) @i {x}", "", "longest longest_word", 2.5),
    _skill("strs > str", "min({x}, key=len)", "the shortest (word|string|element|name) @i {x}", "", "shortest shortest_word", 2),
    _skill("strs > str", "min({x})", "the (alphabetically first|first in alphabetical order) (word|string) @i {x}; the (word|string) @i {x} that comes first (alphabetically|in the alphabet|in alphabetical order)", "", "first earliest", 0.8),
    _skill("strs > str", "max({x})", "the alphabetically last (word|string) @i {x}; the (word|string) @i {x} that comes last (alphabetically|in the alphabet|in alphabetical order)", "", "last latest", 0.7),
    _skill("strs > str", "{x}[0]", "the first @r @i {x}", "", "first first_word", 1.5),
    _skill("strs > str", "{x}[-1]", "the last @r @i {x}", "", "last last_word", 1.5),
    _skill("strs > str", "{x}[{i}]", "the @r (at index|at position|with index) {i} @i {x}", "", "element chosen", 1),
    _skill("strs > str", "max({x}, key={x}.count)", "the most (common|frequent) @r @i {x}; the @r that (occurs|appears) most often in {x}", "", "most_common", 0.8),
    _skill("strs > int", "len({x})", "the length of {x}; the @m of @s @i {x}; how many @s (there are in {x}|{x} has|are in {x}|{x} contains)", "count (the|all|all the) @s @i {x}", "n_words length count", 1.5),
    _skill("strs > int", "len(set({x}))", "the @m of @d @s @i {x}; how many @d @s (there are in {x}|{x} has|are in {x}|{x} contains)", "count the @d @s @i {x}", "n_distinct unique_count", 1.2),
    _skill("strs > int", "sum(len(w) for w in {x})", "the (total|combined) (length|number of (letters|characters)) of @a@s @i {x}; the sum of the lengths of @a@s @i {x}; the total number of (letters|characters) @i {x}", "(add|sum) up the lengths of @a@s @i {x}; count (all |)the letters (of all @s |)in {x}", "total_length total n_letters", 1.6),
    _skill("strs > int", "max(len(w) for w in {x})", "the length of the longest (word|string) @i {x}", "", "longest_length max_length", 0.8),
    _skill("strs > float", "sum(len(w) for w in {x}) / len({x})", "the (average|mean) length of the @s @i {x}; the (average|mean) word length @i {x}", "", "average average_length", 0.8),
    _skill("strs > int", "{x}.index({m})", "the (index|position) of {m} in {x}", "", "index position", 0.8),
    _skill("strs > int", "{x}.count({m})", "the @m of times {m} (occurs|appears) in {x}; how (often|many times) {m} (occurs|appears|is) in {x}", "count (how often|how many times) {m} (occurs|appears) in {x}; count the occurrences of {m} in {x}", "count", 1),
    _skill("strs > strs", "sorted({x})", "{x} (sorted|in sorted order|in alphabetical order|sorted alphabetically); the @s @i {x} (sorted|sorted alphabetically|in alphabetical order); the sorted (list|words|copy) of {x}", "sort {x} (alphabetically|in alphabetical order|); sort the @s @i {x} (alphabetically|in alphabetical order|); sort {x}", "sorted_words ordered", 2.5),
    _skill("strs > strs", "sorted({x}, reverse=True)", "{x} (sorted |)in reverse alphabetical order; the @s @i {x} (sorted |)(in reverse alphabetical order|from z to a)", "sort {x} (in reverse alphabetical order|in descending order|from z to a); sort the @s @i {x} in reverse (alphabetical |)order", "sorted_words", 1),
    _skill("strs > strs", "sorted({x}, key=len)", "{x} (sorted|ordered) by length; the @s @i {x} (sorted|ordered) by (their |)length; the @s @i {x} from shortest to longest", "(sort|order) {x} by length; (sort|order|arrange) the @s @i {x} by (their |)length; sort {x} from shortest to longest", "by_length sorted_words", 1.5),
    _skill("strs > strs", "sorted({x}, key=len, reverse=True)", "the @s @i {x} from longest to shortest; {x} (sorted|ordered) by length in descending order", "(sort|order) {x} from longest to shortest; sort {x} by length in descending order", "by_length", 0.8),
    _skill("strs > strs", "{x}[::-1]", "the reverse of {x}; {x} (reversed|in reverse|in reverse order); the @s @i {x} in (reverse|reversed|opposite) order", "reverse {x}; reverse the (list|order of) {x}; reverse the order of the @s @i {x}", "reversed_words backwards", 1.8),
    _skill("strs > strs", "sorted(set({x}))", "the sorted @d @s @i {x}; the @d @s @i {x} (sorted|in alphabetical order|as a sorted list); a sorted list of the @d @s @i {x}", "remove (the |)duplicates from {x} and sort the result; sort the @d @s @i {x}", "unique distinct", 1.2),
    _skill("strs > strs", "list(dict.fromkeys({x}))", "{x} without (duplicates|repetitions); the @d @s @i {x} in (their |)(original order|order of (first |)appearance); the @d @s @i {x}", "remove (the |all |)(duplicates|repeated @s) from {x} (keeping the (original |)order|)", "unique distinct", 1.2),
    _skill("strs > strs", "{x}[:{k}]", "the first {k} @s @i {x}", "take the first {k} @s @i {x}; keep only the first {k} @s @i {x}", "first_words start", 0.9),
    _skill("strs > strs", "{x}[-{k}:]", "the last {k} @s @i {x}", "take the last {k} @s @i {x}", "last_words end", 0.8),
    _skill("strs > strs", "{x}[1:]", "all @s @i {x} (except|but) the first (one|); {x} without (the|its) first @r", "(remove|drop) the first @r (from|of) {x}", "rest", 0.7),
    _skill("strs > strs", "[w for w in {x} if w != {m}]", "{x} without {m}; the @s @i {x} (other than|different from|except) {m}", "remove (every |all |the word |){m} from {x}", "rest remaining", 0.9),
    _skill("strs > strs", "{x} + [{w}]", "{x} with {w} (added|appended) (at the end|); {x} followed by {w}", "", "longer extended", 0.4),
    _skill("strs > ints", "[i for i, w in enumerate({x}) if w == {m}]", "the (indices|positions) (of|at which) {m} (occurs |appears |)in {x}", "", "positions indices", 0.4),
    _skill("strs > strs", 'sorted({x}, key=str.lower)', "the @s @i {x} sorted (alphabetically |)ignoring case", "sort {x} (alphabetically |)ignoring case", "sorted_words", 0.5),
    _skill("strs > strs", "sorted({x}, key=lambda w: w[-1])", "the @s @i {x} (sorted|ordered) by (their |)last letter", "(sort|order) {x} by (the |)last letter", "sorted_words", 0.6),
    _skill("strs > str", '"".join(w[0] for w in {x})', "the first letters of @a@s @i {x} (joined (together|)|as a string); the (initials|first letters) of {x} as (one|a) (word|string)", "(join|concatenate) the first letters of @a@s @i {x}", "initials acronym", 1.2),
    _skill("strs > str", '"".join(w[0].upper() for w in {x})', "the acronym of {x}; the (uppercase|upper case) first letters of @a@s @i {x} joined together", "(build|make|form) an acronym (from|of|out of) (the @s @i |){x}", "acronym", 0.8),
    _skill("strs > str", '"".join(w[-1] for w in {x})', "the last letters of @a@s @i {x} (joined (together|)|as a string)", "(join|concatenate) the last letters of @a@s @i {x}", "endings", 0.7),
    _skill("strs > strs", '[f"{{i}}: {{w}}" for i, w in enumerate({x})]', "(a list of |)(the |)@s @i {x} (with|preceded by) their index(| and a colon)", "number the @s @i {x} (from|starting (at|from|with)) (0|zero)", "numbered", 0.6),
    _skill("strs > strs", '[f"{{i}}. {{w}}" for i, w in enumerate({x}, 1)]', "a numbered list of the @s @i {x} (starting (at|with) 1|)", "number the @s @i {x} (from|starting (at|from|with)) (1|one)", "numbered", 0.6),
    _skill("strs > dict", "{{w: len(w) for w in {x}}}", "a dictionary that maps (each|every) @r (of|in) {x} to its length; a dictionary from (the |)@s @i {x} to their lengths; a dictionary (with|of) the @s @i {x} (as keys |)and their lengths (as values|)", "map (each|every) @r (of|in) {x} to its length (in a dictionary|)", "lengths word_lengths", 1.5),
    _skill("strs > dict", "{{w: {x}.count(w) for w in {x}}}", "a dictionary (with|of) the (counts|count|number of occurrences|frequency) of (each|every) @r (of|in) {x}; a dictionary that maps (each|every) @r (of|in) {x} to (its (count|number of occurrences|frequency)|how often it occurs); the word counts of {x}", "count (how often|how many times) (each|every) @r (occurs|appears) in {x}; count the occurrences of (each|every) @r in {x}", "counts", 1.5),
    _skill("strs > dict", "{{w: i for i, w in enumerate({x})}}", "a dictionary that maps (each|every) @r (of|in) {x} to its (index|position)", "map (each|every) @r (of|in) {x} to its (index|position)", "positions", 0.7),
    _skill("strs > dict", "{{w: w[0] for w in {x}}}", "a dictionary that maps (each|every) @r (of|in) {x} to its first letter", "", "initials", 0.3),
    _skill("strs > bool", "{m} in {x}", "whether {m} (is|occurs|appears) in {x}; whether {x} contains {m}", "check (whether|if) {m} is in {x}; check (whether|if) {x} contains {m}", "found contains", 1),
    _skill("strs > bool", "len({x}) != len(set({x}))", "whether {x} (has|contains) (any |)duplicates", "check (whether|if) {x} (has|contains) (any |)duplicates", "has_duplicates", 0.6),
    _skill("strs > bool", "{x} == sorted({x})", "whether {x} is (sorted|in alphabetical order)", "check (whether|if) {x} is (sorted|in alphabetical order)", "is_sorted", 0.6),
    _skill("strs ints > dict", "dict(zip({x}, {y}))", "a dictionary (from|that maps|with) the @s @i {x} (to|as keys and) the @e (of|in) {y} (as values|); a dictionary with {x} as keys and {y} as values; a dictionary (made |)from {x} and {y}", "(zip|combine|pair) {x} and {y} into a dictionary; map the @s @i {x} to the @e @i {y} (in a dictionary|)", "table mapping", 2),
    _skill("strs ints > other", "list(zip({x}, {y}))", "(a list of |the |)pairs (of|from) {x} and {y}", "(pair|zip) {x} (with|and) {y}", "pairs", 0.7),
    _skill("strs strs > strs", "{x} + {y}", "the concatenation of {x} and {y}; {x} followed by {y}; {x} and {y} (joined|combined) into one list", "(concatenate|join|combine) {x} and {y}; (append|add) the @s of {y} to {x}", "combined all_words", 1.2),
    _skill("strs strs > strs", "[w for w in {x} if w in {y}]", "the @s (of|in|from) {x} that are (also |)in {y}; the @s that {x} and {y} (share|have in common); the common @s of {x} and {y}", "", "common shared", 1),
    _skill("strs strs > strs", "[w for w in {x} if w not in {y}]", "the @s (of|in|from) {x} that are not in {y}; the @s that are in {x} but not in {y}", "remove from {x} (all|the) @s (that are |)in {y}", "missing rest", 0.9),
    _skill("strs strs > dict", "dict(zip({x}, {y}))", "a dictionary with {x} as keys and {y} as values; a dictionary from {x} to {y}", "(zip|combine) {x} and {y} into a dictionary", "mapping", 0.7),
    _skill("strs strs > strs", '[a + " " + b for a, b in zip({x}, {y})]', "the (corresponding |)@s of {x} and {y} joined with a space", "join (corresponding|matching) @s of {x} and {y} with a space", "phrases", 0.5),
    _skill("strs str > bool", "{y} in {x}", "whether {y} is in {x}; whether {x} contains {y}", "check (whether|if) {y} is in {x}; check (whether|if) {x} contains {y}", "found", 1),
    _skill("strs str > str", "{y}.join({x})", "the @s @i {x} (joined|separated) (by|with) {y}", "join {x} (with|by|using) {y}; join the @s @i {x} (with|by|using) {y}", "joined", 1),
    _skill("strs str > strs", "[{y} + w for w in {x}]", "the @s @i {x} with {y} in front of (each|every|them); {y} followed by (each|every) @r (of|in) {x}", "put {y} (before|in front of) (each|every) @r (of|in) {x}; (prepend|add) {y} to the (front|start|beginning) of (each|every) @r (of|in) {x}", "prefixed", 0.8),
    _skill("strs str > strs", "[w for w in {x} if {y} in w]", "the @s @i {x} that contain {y}", "", "matching", 0.7),
    _skill("strs str > strs", "[w + {y} for w in {x}]", "(each|every) @r (of|in) {x} followed by {y}", "(append|add) {y} to (the end of |)(each|every) @r (of|in) {x}", "extended", 0.7),
    _skill("strs int > strs", "[w for w in {x} if len(w) > {y}]", "the @s @i {x} (that are |)longer than {y} (letters|characters|); the @s @i {x} with more than {y} (letters|characters)", "", "long_words", 1),
    _skill("strs int > str", "{x}[{y}]", "the @r (at index|at position) {y} @i {x}", "", "chosen", 0.8),
)  # fmt: skip

NUMBERS = (
    _skill("int > int", "{x} ** 2", "the square of {x}; {x} squared; {x} to the power of (2|two)", "square {x}", "square squared", 2),
    _skill("int > int", "{x} ** 3", "the cube of {x}; {x} cubed; {x} to the power of (3|three)", "cube {x}", "cube cubed", 1.2),
    _skill("int > int", "{x} * 2", "(twice|double) {x}; the double of {x}; {x} times two; {x} (doubled|multiplied by 2)", "double {x}; multiply {x} by (2|two)", "double doubled twice", 1.3),
    _skill("int > int", "{x} + {k}", "{x} plus {k}; the sum of {x} and {k}; {k} more than {x}", "add {k} to {x}", "result total", 1.3),
    _skill("int > int", "{x} - {k}", "{x} minus {k}; {k} less than {x}", "subtract {k} from {x}", "result difference", 1.2),
    _skill("int > int", "{x} * {k}", "{x} times {k}; {x} multiplied by {k}; the product of {x} and {k}", "multiply {x} (by|with) {k}", "result product", 1.3),
    _skill("int > int", "{x} // {k}", "the (integer|whole) (quotient|division) of {x} (and|by) {k}; {x} divided by {k} rounded down; {x} integer divided by {k}; {x} divided by {k} without remainder", "divide {x} by {k} (rounding down|without remainder|using integer division)", "quotient result", 1),
    _skill("int > float", "{x} / {k}", "{x} divided by {k}; the quotient of {x} and {k}", "divide {x} by {k}", "quotient result", 1),
    _skill("int > int", "{x} % {k}", "the remainder of {x} (divided by|when divided by|modulo) {k}; {x} modulo {k}; the remainder when {x} is divided by {k}; the remainder of dividing {x} by {k}", "", "remainder rest", 1.3),
    _skill("int > int", "{x} * {x} + {x}", "the square of {x} plus {x}", "", "result", 0.3),
    _skill("int > int", "int(np.prod(range(1, {x} + 1)))", "the factorial of {x}; {x} factorial; the product of (all |the |)(numbers|integers) from 1 to {x}", "multiply (all |the |)(numbers|integers) from 1 to {x}", "factorial product", 1.3),
    _skill("int > int", "sum(range(1, {x} + 1))", "the sum of (all |the |)(numbers|integers) from (1|one) (to|up to) {x}; the sum of the first {x} (positive integers|natural numbers|integers)", "(add|sum) up (all |the |)(numbers|integers) from (1|one) to {x}", "total", 1.5),
    _skill("int > ints", "list(range(1, {x} + 1))", "(a|the) list of (all |the |)(numbers|integers) from (1|one) (to|up to) {x}; (all |the |)(numbers|integers) from (1|one) (to|up to) {x} (as a list|)", "list (all |the |)(numbers|integers) from (1|one) to {x}", "numbers one_to_n", 1.6),
    _skill("int > ints", "list(range({x}))", "(a|the) list of (all |the |)(numbers|integers) from (0|zero) (to|up to) {x} (excluded|exclusive|(- |minus )1); (a|the) list of the first {x} (whole numbers|numbers starting (at|from|with) (0|zero))", "", "numbers", 0.6),
    _skill("int > ints", "list(range({x}, 0, -1))", "(a|the) list (counting down|of numbers|that counts down) from {x} (down |)to (1|one); the countdown from {x} (to 1|)", "count down from {x} to (1|one) (in a list|)", "countdown", 1),
    _skill("int > ints", "[i ** 2 for i in range(1, {x} + 1)]", "(a|the) list of (the |)squares (of the (numbers|integers) |)from (1|one) (to|up to) {x}; (a list of |)the squares of (all |the |)(numbers|integers) from (1|one) to {x}; the first {x} (squares|square numbers)", "square (all |the |)(numbers|integers) from (1|one) to {x}", "squares", 1.5),
    _skill("int > ints", "[i ** 3 for i in range(1, {x} + 1)]", "(a|the) list of (the |)cubes (of the (numbers|integers) |)from (1|one) to {x}; the first {x} cubes", "", "cubes", 0.7),
    _skill("int > ints", "[{k} * i for i in range(1, {x} + 1)]", "the first {x} multiples of {k}; (a|the) list of the first {x} multiples of {k}", "", "multiples", 0.9),
    _skill("int > ints", "[i for i in range(1, {x} + 1) if i % {k} == 0]", "(the|all|a list of the|a list of all) multiples of {k} (up to|from 1 to|not greater than) {x}; (a list of |)(all |the |)(numbers|integers) from 1 to {x} (that are |)divisible by {k}", "", "multiples", 1.2),
    _skill("int > ints", "[i for i in range(1, {x} + 1) if i % 2 == 0]", "(the|all|a list of the|a list of all) even (numbers|integers) (up to|from 1 to|between 1 and) {x}", "", "evens even_numbers", 1.2),
    _skill("int > ints", "[i for i in range(1, {x} + 1) if i % 2 != 0]", "(the|all|a list of the|a list of all) odd (numbers|integers) (up to|from 1 to|between 1 and) {x}", "", "odds odd_numbers", 1.2),
    _skill("int > ints", "[i for i in range(1, {x} + 1) if {x} % i == 0]", "(the|all|a list of the|a list of all) (the |)(divisors|factors) of {x}; (the|all) (numbers|integers) that divide {x} (without remainder|evenly|)", "", "divisors factors", 1.5),
    _skill("int > int", "sum(i for i in range(1, {x}) if {x} % i == 0)", "the sum of (the |all |)(proper divisors of {x}|divisors of {x} (other than|smaller than|except) {x}( itself|))", "", "divisor_sum", 0.6),
    _skill("int > int", "sum(1 for i in range(1, {x} + 1) if {x} % i == 0)", "the @m of (divisors|factors) of {x}; how many (divisors|factors) {x} has", "count the (divisors|factors) of {x}", "n_divisors", 0.9),
    _skill("int > ints", "[i for i in range(2, {x} + 1) if all(i % m != 0 for m in range(2, i))]", "(the|all|a list of the|a list of all) (the |)(primes|prime numbers) (up to|from 2 to|not greater than|from 1 to) {x}", "", "primes", 1.2),
    _skill("int > bool", "{x} > 1 and all({x} % i != 0 for i in range(2, {x}))", "whether {x} is (prime|a prime|a prime number)", "check (whether|if) {x} is (prime|a prime|a prime number)", "is_prime prime", 1.6),
    _skill("int > bool", "{x} % 2 == 0", "whether {x} is (even|an even number)", "check (whether|if) {x} is (even|an even number)", "is_even even", 1.5),
    _skill("int > bool", "{x} % 2 != 0", "whether {x} is (odd|an odd number)", "check (whether|if) {x} is (odd|an odd number)", "is_odd odd", 1),
    _skill("int > bool", "{x} > 0", "whether {x} is (positive|greater than zero)", "check (whether|if) {x} is (positive|greater than zero)", "is_positive", 0.8),
    _skill("int > bool", "{x} < 0", "whether {x} is (negative|less than zero)", "check (whether|if) {x} is (negative|less than zero)", "is_negative", 0.7),
    _skill("int > bool", "{x} > {k}", "whether {x} is (greater|larger|bigger) than {k}", "check (whether|if) {x} is (greater|larger|bigger) than {k}", "is_large", 0.7),
    _skill("int > bool", "{x} % {k} == 0", "whether {x} is (divisible by|a multiple of) {k}", "check (whether|if) {x} is (divisible by|a multiple of) {k}", "is_divisible divisible", 1.2),
    _skill("int > bool", "round({x} ** 0.5) ** 2 == {x}", "whether {x} is a (perfect square|square number|square)", "check (whether|if) {x} is a (perfect square|square number)", "is_square", 0.9),
    _skill("int > bool", "{x} % 4 == 0 and ({x} % 100 != 0 or {x} % 400 == 0)", "whether (the year |){x} is a leap year", "check (whether|if) (the year |){x} is a leap year", "is_leap leap", 0.9),
    _skill("int > bool", "str({x}) == str({x})[::-1]", "whether {x} is a palindrome; whether (the number |){x} reads the same backwards", "check (whether|if) {x} is a palindrome", "is_palindrome", 0.7),
    _skill("int > ints", "[int(c) for c in str({x})]", "(a|the) list of (the |)digits of {x}; the digits of {x} (as a list|)", "split {x} into (its |)digits", "digits", 1.3),
    _skill("int > int", "sum(int(c) for c in str({x}))", "the sum of (the |all |)digits of {x}; the digit sum of {x}", "(add|sum) up the digits of {x}", "digit_sum", 1.5),
    _skill("int > int", "len(str({x}))", "the @m of digits (of|in) {x}; how many digits {x} has", "count the digits (of|in) {x}", "n_digits", 1.2),
    _skill("int > int", "max(int(c) for c in str({x}))", "the (largest|biggest|highest) digit (of|in) {x}", "", "largest_digit", 0.6),
    _skill("int > int", "int(str({x})[::-1])", "{x} with its digits reversed; the (number|integer) {x} with reversed digits; the digits of {x} in reverse order as (a number|an integer)", "reverse the digits of {x}; reverse the (number|integer) {x}", "reversed_number", 1.1),
    _skill("int > str", 'bin({x})[2:]', "the binary (representation|form|string|notation) of {x}; {x} in binary; {x} (written |as a string |)in base 2", "convert {x} to (binary|a binary string)", "binary bits", 1.3),
    _skill("int > str", 'hex({x})[2:]', "the (hexadecimal|hex) (representation|form|string) of {x}; {x} in hexadecimal", "convert {x} to (hexadecimal|hex)", "hexadecimal", 0.6),
    _skill("int > int", 'bin({x}).count("1")', "the @m of (ones|1 bits|one bits|set bits) in the binary (representation|form) of {x}", "count the ones in the binary (representation|form) of {x}", "n_ones", 0.6),
    _skill("int > str", "str({x})", "{x} as (a string|text)", "convert {x} to (a string|text)", "text", 0.8),
    _skill("int > str", 'str({x}).zfill({k})', "{x} (padded|filled) with (leading |)zeros to {k} digits", "pad {x} with (leading |)zeros to {k} digits", "padded", 0.4),
    _skill("int > str", '"even" if {x} % 2 == 0 else "odd"', "\"even\" if {x} is even (and|or|otherwise|else) \"odd\" (otherwise|if it is odd|); the (word|text|string) \"even\" if {x} is even and \"odd\" otherwise; whether {x} is \"even\" or \"odd\" as a (word|string)", "", "parity kind", 1.2),
    _skill("int > str", '"positive" if {x} > 0 else "negative"', "\"positive\" if {x} is (positive|greater than zero) and \"negative\" otherwise", "", "sign kind", 0.7),
    _skill("int > str", '"*" * {x}', "a (string|line|row|bar) of {x} (stars|asterisks)", "repeat the star {x} times", "stars bar", 0.8),
    _skill("int > str", '"FizzBuzz" if {x} % 15 == 0 else "Fizz" if {x} % 3 == 0 else "Buzz" if {x} % 5 == 0 else str({x})', "the (FizzBuzz|fizzbuzz) (word|answer|value) (for|of) {x}", "play (FizzBuzz|fizzbuzz) with {x}", "answer", 0.6),
    _skill("int > strs", '["FizzBuzz" if i % 15 == 0 else "Fizz" if i % 3 == 0 else "Buzz" if i % 5 == 0 else str(i) for i in range(1, {x} + 1)]', "the (FizzBuzz|fizzbuzz) list (from 1 |)(to|up to) {x}; (a list of |)the (FizzBuzz|fizzbuzz) (words|answers|values) (for 1 to|from 1 to|up to) {x}", "play (FizzBuzz|fizzbuzz) from 1 to {x}", "fizzbuzz", 0.6),
    _skill("int > int", "abs({x})", "the absolute value of {x}; the magnitude of {x}", "take the absolute value of {x}", "absolute magnitude", 0.9),
    _skill("int > int", "-{x}", "the negative of {x}; minus {x}; {x} negated; {x} with its sign flipped", "negate {x}; flip the sign of {x}", "negative negated", 0.6),
    _skill("int > float", "{x} ** 0.5", "the square root of {x}", "take the square root of {x}", "root", 0.9),
    _skill("int > int", "int({x} ** 0.5)", "the (integer|whole) (part of the |)square root of {x}; the square root of {x} rounded down", "", "root", 0.5),
    _skill("int > float", "{x} / 2", "half of {x}; {x} halved", "halve {x}", "half", 0.9),
    _skill("int > int", "2 ** {x}", "(2|two) to the power of {x}; the {x}-th power of (2|two)", "raise (2|two) to the power of {x}", "power", 1),
    _skill("int > int", "{x} ** {k}", "{x} to the power of {k}; the {k}-th power of {x}", "raise {x} to the power of {k}", "power", 0.8),
    _skill("int > int", "{x} * 60", "{x} minutes (in|as|converted to) seconds; {x} hours (in|as|converted to) minutes; the number of seconds in {x} minutes; the number of minutes in {x} hours", "convert {x} (minutes to seconds|hours to minutes)", "seconds minutes", 0.8),
    _skill("int > int", "{x} * 3600", "{x} hours (in|as|converted to) seconds; the number of seconds in {x} hours", "convert {x} hours to seconds", "seconds", 0.5),
    _skill("int > int", "{x} // 60", "{x} minutes (in|as) (whole|full) hours; the (number of |)(whole|full) hours in {x} minutes; the (number of |)(whole|full) minutes in {x} seconds", "convert {x} minutes to (whole|full) hours", "hours", 0.5),
    _skill("int > str", 'f"{{{x} // 60}}:{{{x} % 60:02d}}"', "{x} minutes as (hours and minutes|hours:minutes|h:mm); {x} seconds as (minutes and seconds|minutes:seconds|m:ss)", "(format|write|convert) {x} minutes (as|to|in the form) (hours:minutes|h:mm)", "time", 0.6),
    _skill("int > float", "{x} * 9 / 5 + 32", "{x} degrees Celsius (in|as|converted to) (degrees |)Fahrenheit; the Fahrenheit (temperature|value) (of|for) {x} degrees Celsius", "convert {x} (degrees |)(from |)Celsius to Fahrenheit", "fahrenheit", 0.9),
    _skill("int > float", "({x} - 32) * 5 / 9", "{x} degrees Fahrenheit (in|as|converted to) (degrees |)Celsius", "convert {x} (degrees |)(from |)Fahrenheit to Celsius", "celsius", 0.7),
    _skill("int int > int", "{x} + {y}", "the sum of {x} and {y}; {x} plus {y}", "add {x} and {y}; add {y} to {x}; (sum|add up) {x} and {y}", "total result", 2.5),
    _skill("int int > int", "{x} - {y}", "the difference of {x} and {y}; {x} minus {y}", "subtract {y} from {x}", "difference result", 2),
    _skill("int int > int", "{x} * {y}", "the product of {x} and {y}; {x} times {y}; {x} multiplied by {y}; the area of a rectangle with (sides|width and height) {x} and {y}", "multiply {x} (and|by|with) {y}", "product area result", 2.2),
    _skill("int int > float", "{x} / {y}", "the quotient of {x} and {y}; {x} divided by {y}; the ratio of {x} (and|to) {y}", "divide {x} by {y}", "quotient ratio", 1.5),
    _skill("int int > int", "{x} // {y}", "the (integer|whole) quotient of {x} and {y}; {x} integer divided by {y}; {x} divided by {y} rounded down; how many times {y} fits into {x}", "divide {x} by {y} (rounding down|without remainder|using integer division)", "quotient", 1.2),
    _skill("int int > int", "{x} % {y}", "the remainder of {x} (divided by|when divided by|modulo) {y}; {x} modulo {y}; the remainder when {x} is divided by {y}; the remainder of dividing {x} by {y}", "", "remainder", 1.5),
    _skill("int int > int", "{x} ** {y}", "{x} to the power of {y}; {x} raised to the power (of |){y}", "raise {x} to the power of {y}", "power", 1.2),
    _skill("int int > int", "max({x}, {y})", "the (larger|bigger|greater) (number |value |one |)of {x} and {y}; the maximum of {x} and {y}; the larger of the two numbers {x} and {y}", "", "larger maximum", 1.5),
    _skill("int int > int", "min({x}, {y})", "the smaller (number |value |one |)of {x} and {y}; the minimum of {x} and {y}", "", "smaller minimum", 1.3),
    _skill("int int > int", "abs({x} - {y})", "the (absolute difference|distance) (of|between) {x} and {y}; the absolute value of the difference of {x} and {y}", "", "distance difference", 1.2),
    _skill("int int > float", "({x} + {y}) / 2", "the (average|mean) of {x} and {y}; the (midpoint|middle) (of|between) {x} and {y}", "", "average mean", 1.2),
    _skill("int int > int", "int(np.gcd({x}, {y}))", "the greatest common divisor of {x} and {y}; the (gcd|GCD) of {x} and {y}", "", "gcd divisor", 1.4),
    _skill("int int > int", "int(np.lcm({x}, {y}))", "the least common multiple of {x} and {y}; the (lcm|LCM) of {x} and {y}", "", "lcm multiple", 1.1),
    _skill("int int > int", "{x} ** 2 + {y} ** 2", "the sum of the squares of {x} and {y}; the square of {x} plus the square of {y}", "", "total", 0.9),
    _skill("int int > int", "({x} + {y}) ** 2", "the square of the sum of {x} and {y}", "", "result", 0.6),
    _skill("int int > int", "2 * ({x} + {y})", "the perimeter of a rectangle with (sides|width and height) {x} and {y}; twice the sum of {x} and {y}", "", "perimeter", 0.9),
    _skill("int int > float", "({x} ** 2 + {y} ** 2) ** 0.5", "the (length of the |)hypotenuse of a right triangle with legs {x} and {y}", "", "hypotenuse", 0.6),
    _skill("int int > float", "{x} / {y} * 100", "the (percentage|percent) (of {x} in|that {x} is of|of {x} out of) {y}; what percentage {x} is of {y}", "", "percentage percent", 0.7),
    _skill("int int > float", "{x} * {y} / 100", "{y} percent of {x}", "take {y} percent of {x}", "part", 0.7),
    _skill("int int > ints", "list(range({x}, {y} + 1))", "(a|the) list of (all |the |)(numbers|integers) from {x} (to|up to) {y} (included|inclusive|); (all |the |)(numbers|integers) from {x} to {y}", "list (all |the |)(numbers|integers) from {x} to {y}", "numbers", 1.2),
    _skill("int int > int", "sum(range({x}, {y} + 1))", "the sum of (all |the |)(numbers|integers) from {x} to {y}; the sum of (all |the |)(numbers|integers) between {x} and {y} (inclusive|)", "(add|sum) up (all |the |)(numbers|integers) from {x} to {y}", "total", 1),
    _skill("int int > ints", "[{x}, {y}]", "(a|the) list (of|with|containing) {x} and {y}", "put {x} and {y} (into|in) a list", "pair", 0.5),
    _skill("int int > ints", "sorted([{x}, {y}])", "(a|the) sorted list of {x} and {y}", "", "ordered", 0.3),
    _skill("int int > bool", "{x} > {y}", "whether {x} is (greater|larger|bigger) than {y}", "check (whether|if) {x} is (greater|larger|bigger) than {y}", "is_larger", 1.2),
    _skill("int int > bool", "{x} < {y}", "whether {x} is (less|smaller) than {y}", "check (whether|if) {x} is (less|smaller) than {y}", "is_smaller", 0.9),
    _skill("int int > bool", "{x} == {y}", "whether {x} and {y} are (equal|the same); whether {x} (equals|is equal to) {y}", "check (whether|if) {x} and {y} are (equal|the same); check (whether|if) {x} (equals|is equal to) {y}", "same equal", 1),
    _skill("int int > bool", "{x} % {y} == 0", "whether {x} is (divisible by|a multiple of) {y}; whether {y} (divides|is a divisor of) {x}", "check (whether|if) {x} is (divisible by|a multiple of) {y}", "is_divisible", 1.2),
    _skill("int int > str", '"yes" if {x} > {y} else "no"', "\"yes\" if {x} is (greater|larger|bigger) than {y} (and|or|otherwise|else) \"no\" (otherwise|)", "", "answer", 0.7),
    _skill("int int int > int", "{x} + {y} + {z}", "the sum of {x}, {y} and {z}", "add {x}, {y} and {z}; (sum|add) up {x}, {y} and {z}", "total", 1),
    _skill("int int int > int", "{x} * {y} * {z}", "the product of {x}, {y} and {z}; the volume of a box with (sides|edges) {x}, {y} and {z}", "multiply {x}, {y} and {z}", "product volume", 1),
    _skill("int int int > int", "max({x}, {y}, {z})", "the (largest|maximum|biggest|greatest) of {x}, {y} and {z}", "", "largest", 1),
    _skill("int int int > int", "min({x}, {y}, {z})", "the (smallest|minimum|lowest) of {x}, {y} and {z}", "", "smallest", 0.8),
    _skill("int int int > float", "({x} + {y} + {z}) / 3", "the (average|mean) of {x}, {y} and {z}", "", "average", 0.9),
    _skill("int int int > ints", "sorted([{x}, {y}, {z}])", "(a|the) sorted list of {x}, {y} and {z}; {x}, {y} and {z} in (ascending|sorted) order", "sort {x}, {y} and {z} into a list", "ordered", 0.5),
    _skill("int int int > int", "max({y}, min({x}, {z}))", "{x} (clamped|limited|restricted) to the range from {y} to {z}; {x} clamped between {y} and {z}", "clamp {x} (between {y} and {z}|to the range from {y} to {z})", "clamped", 0.5),
    _skill("int int int > bool", "{y} <= {x} <= {z}", "whether {x} is between {y} and {z} (inclusive|)", "check (whether|if) {x} (is|lies) between {y} and {z}", "between", 0.6),
    _skill("float > float", "round({x}, {k})", "{x} rounded to {k} (decimals|decimal places|digits)", "round {x} to {k} (decimals|decimal places|digits)", "rounded", 1),
    _skill("float > int", "round({x})", "{x} rounded (to the nearest integer|to a whole number|)", "round {x} (to the nearest integer|to a whole number|)", "rounded", 1),
    _skill("float > int", "int({x})", "the (integer|whole) part of {x}; {x} (truncated|cut) to an integer; {x} as an integer", "(convert|truncate|cut) {x} to an integer", "whole", 0.8),
    _skill("float > str", 'f"{{{x}:.2f}}"', "{x} (formatted |written |)with two decimals (as a string|); {x} as (a string|text) with two (decimals|decimal places)", "format {x} with two (decimals|decimal places)", "text formatted", 0.9),
    _skill("float > float", "{x} * 2", "(twice|double) {x}; {x} (doubled|times two)", "double {x}", "double", 0.9),
    _skill("float > float", "{x} / 2", "half of {x}", "halve {x}", "half", 0.7),
    _skill("float > float", "{x} ** 2", "the square of {x}; {x} squared", "square {x}", "square", 0.9),
    _skill("float > float", "round(np.pi * {x} ** 2, 2)", "the area of a circle with radius {x} rounded to (2|two) decimals", "", "area", 0.6),
    _skill("float > float", "round(2 * np.pi * {x}, 2)", "the circumference of a circle with radius {x} rounded to (2|two) decimals", "", "circumference", 0.4),
    _skill("float float > float", "{x} + {y}", "the sum of {x} and {y}", "add {x} and {y}", "total", 1),
    _skill("float float > float", "{x} * {y}", "the product of {x} and {y}; {x} times {y}", "multiply {x} (and|by) {y}", "product", 1),
    _skill("float float > float", "({x} + {y}) / 2", "the (average|mean) of {x} and {y}", "", "average", 0.8),
    _skill("float float > float", "max({x}, {y})", "the larger of {x} and {y}", "", "larger", 0.6),
    _skill("bool > bool", "not {x}", "the (opposite|negation) of {x}; not {x}", "(negate|invert) {x}", "opposite", 1),
    _skill("bool > str", '"yes" if {x} else "no"', "\"yes\" if {x} (is true|) (and|or|otherwise) \"no\" (otherwise|)", "", "answer", 1),
)  # fmt: skip

TABLES = (
    _skill("dict > int", "{x}[{q}]", "the value (of|for|at|under|stored under) (the key |){q} @i {x}; the (entry|value) @i {x} for (the key |){q}", "look up {q} in {x}; look up the value (of|for) {q} in {x}", "value found", 2.5),
    _skill("dict > int", "{x}.get({q}, 0)", "the value (of|for) (the key |){q} @i {x} (or (0|zero) if it is (missing|absent|not there)|with (0|zero) as default)", "look up {q} in {x} with (0|zero) as (the |)default", "value", 0.8),
    _skill("dict > int", "sum({x}.values())", "the sum of (all |the |all the |)(values|numbers) @i {x}; the total of (all |the |all the |)values @i {x}", "(add|sum) up (all |the |all the |)values @i {x}; sum (all |the |)values @i {x}", "total", 2.5),
    _skill("dict > int", "max({x}.values())", "the (largest|biggest|maximum|highest|greatest) value @i {x}; the maximum of the values @i {x}", "", "largest highest", 1.5),
    _skill("dict > int", "min({x}.values())", "the (smallest|lowest|minimum) value @i {x}; the minimum of the values @i {x}", "", "smallest lowest", 1.2),
    _skill("dict > float", "sum({x}.values()) / len({x})", "the (average|mean) of (all |the |all the |)values @i {x}; the (average|mean) value @i {x}", "average (all |the |all the |)values @i {x}", "average mean", 1.5),
    _skill("dict > int", "len({x})", "the @m of (entries|keys|items|pairs) @i {x}; how many (entries|keys|items) (there are in {x}|{x} has|are in {x}); the (size|length) of {x}", "count the (entries|keys|items) @i {x}", "n_entries size", 1.5),
    _skill("dict > strs", "list({x})", "(a|the) list of (the |all |all the |)keys (of|in) {x}; the keys (of|in) {x} as a list; (all |)the keys (of|in) {x}", "", "keys", 1.5),
    _skill("dict > strs", "sorted({x})", "(a|the) sorted list of (the |all |all the |)keys (of|in) {x}; the sorted keys (of|in) {x}; the keys (of|in) {x} in (alphabetical|sorted) order", "sort the keys (of|in) {x}", "keys sorted_keys", 1.8),
    _skill("dict > ints", "list({x}.values())", "(a|the) list of (the |all |all the |)values (of|in) {x}; the values (of|in) {x} as a list; (all |)the values (of|in) {x}", "", "values", 1.5),
    _skill("dict > ints", "sorted({x}.values())", "(a|the) sorted list of (the |all |all the |)values (of|in) {x}; the sorted values (of|in) {x}; the values (of|in) {x} (@A|in sorted order)", "sort the values (of|in) {x}", "values sorted_values", 1.3),
    _skill("dict > str", "max({x}, key={x}.get)", "the key (with|of|that has) the (largest|biggest|highest|maximum|greatest) value @i {x}; the key @i {x} (with|that has) the (largest|biggest|highest|maximum) value", "", "best top winner", 2.2),
    _skill("dict > str", "min({x}, key={x}.get)", "the key (with|of|that has) the (smallest|lowest|minimum) value @i {x}; the key @i {x} (with|that has) the (smallest|lowest|minimum) value", "", "worst lowest cheapest", 1.8),
    _skill("dict > strs", "sorted({x}, key={x}.get)", "the keys (of|in) {x} (sorted|ordered) by (their |)(value|values) (@A|); the keys (of|in) {x} from smallest to largest value", "(sort|order) the keys (of|in) {x} by (their |)(value|values)", "ranking", 1.2),
    _skill("dict > strs", "sorted({x}, key={x}.get, reverse=True)", "the keys (of|in) {x} (sorted|ordered) by (their |)(value|values) @D; the keys (of|in) {x} from (largest|highest) to (smallest|lowest) value", "(sort|order) the keys (of|in) {x} by (their |)(value|values) @D", "ranking", 1),
    _skill("dict > strs", "sorted({x}, key={x}.get, reverse=True)[:{k}]", "the {k} keys (of|in|with the (largest|highest) values in) {x} (with the (largest|highest|biggest) values|)", "", "top", 0.5),
    _skill("dict > strs", "[k for k, v in {x}.items() if v > {k}]", "(a list of |)the keys (of|in) {x} (whose value is|with (a |)(value|values)) (greater|larger|more|bigger) than {k}; the keys (of|in) {x} (whose value is|with (a |)(value|values)) (above|over) {k}", "", "selected keys", 1.8),
    _skill("dict > strs", "[k for k, v in {x}.items() if v < {k}]", "(a list of |)the keys (of|in) {x} (whose value is|with (a |)(value|values)) ((less|smaller|lower) than|below|under) {k}", "", "selected keys", 1.3),
    _skill("dict > strs", "[k for k, v in {x}.items() if v >= {k}]", "(a list of |)the keys (of|in) {x} (whose value is|with (a |)(value|values)) (of |)at least {k}", "", "selected keys", 0.8),
    _skill("dict > strs", "[k for k, v in {x}.items() if v % 2 == 0]", "(a list of |)the keys (of|in) {x} (whose value is even|with (an even value|even values))", "", "selected keys", 1),
    _skill("dict > strs", "[k for k, v in {x}.items() if v % 2 != 0]", "(a list of |)the keys (of|in) {x} (whose value is odd|with (an odd value|odd values))", "", "selected keys", 0.8),
    _skill("dict > int", "sum(1 for v in {x}.values() if v > {k})", "the @m of values (of|in) {x} (that are |)(greater|larger|bigger) than {k}; how many values (of|in) {x} are (greater|larger|bigger) than {k}; the @m of (keys|entries) (of|in) {x} (with a value|whose value is) (greater than|above|over) {k}", "count the (values|entries) (of|in) {x} (greater than|above) {k}", "count", 1),
    _skill("dict > dict", "{{k: v for k, v in {x}.items() if v > {k}}}", "(a|the) dictionary (of|with) the (entries|items|pairs) (of|in) {x} (whose value is|with (a |)(value|values)) (greater than|above|larger than|over|more than) {k}; the (entries|items) (of|in) {x} with (a |)(value|values) (greater than|above|larger than|over) {k} as a dictionary", "keep only the (entries|items) (of|in) {x} (whose value is|with (a |)(value|values)) (greater than|above|larger than|over) {k}", "filtered", 1.3),
    _skill("dict > dict", "{{k: v for k, v in {x}.items() if v < {k}}}", "(a|the) dictionary (of|with) the (entries|items|pairs) (of|in) {x} (whose value is|with (a |)(value|values)) (less than|below|smaller than|under) {k}", "keep only the (entries|items) (of|in) {x} (whose value is|with (a |)(value|values)) (less than|below|smaller than|under) {k}", "filtered", 1),
    _skill("dict > dict", "{{k: v for k, v in {x}.items() if v % 2 == 0}}", "(a|the) dictionary (of|with) the (entries|items|pairs) (of|in) {x} (whose value is even|with (an even value|even values))", "keep only the (entries|items) (of|in) {x} (whose value is even|with (an even value|even values))", "filtered evens", 0.7),
    _skill("dict > dict", "{{k: v * 2 for k, v in {x}.items()}}", "(a|the) dictionary (like|with the keys of) {x} (with|and) (all |the |)(its |)values doubled; {x} with (all |)(the |its |)values doubled", "double (all |the |all the |every |each )(values|value) (of|in) {x}", "doubled", 1.2),
    _skill("dict > dict", "{{k: v * {k} for k, v in {x}.items()}}", "{x} with (all |)(the |its |)values multiplied by {k}", "multiply (all |the |all the |every |each )(values|value) (of|in) {x} by {k}", "scaled", 0.9),
    _skill("dict > dict", "{{k: v + {k} for k, v in {x}.items()}}", "{x} with {k} added to (every|each) value", "add {k} to (every|each) value (of|in) {x}; increase (every|each) value (of|in) {x} by {k}", "raised", 1),
    _skill("dict > dict", "{{k: v ** 2 for k, v in {x}.items()}}", "{x} with (all |)(the |its |)values squared", "square (all |the |all the |every |each )(values|value) (of|in) {x}", "squared", 0.6),
    _skill("dict > dict", "{{k.upper(): v for k, v in {x}.items()}}", "{x} with (all |)(the |its |)keys in (upper case|uppercase)", "(convert|change) (all |the |all the |)keys (of|in) {x} to (upper case|uppercase)", "upper_keys", 0.6),
    _skill("dict > dict", "{{v: k for k, v in {x}.items()}}", "{x} (inverted|with keys and values swapped); the inverse of {x}; a dictionary (from|that maps) the values (of|in) {x} to (the|its|their) keys", "(invert|flip) {x}; swap (the |)keys and values (of|in) {x}", "inverted swapped", 1.5),
    _skill("dict > dict", "dict(sorted({x}.items()))", "{x} sorted by (its |)(key|keys); a dictionary with the (entries|items) of {x} sorted by key", "sort {x} by (its |)(key|keys); sort the (entries|items) of {x} by key", "ordered", 0.8),
    _skill("dict > dict", "dict(sorted({x}.items(), key=lambda item: item[1]))", "{x} sorted by (its |)(value|values); a dictionary with the (entries|items) of {x} sorted by value", "sort {x} by (its |)(value|values); sort the (entries|items) of {x} by value", "ordered", 0.8),
    _skill("dict > dict", "{{k: v for k, v in {x}.items() if k != {q}}}", "{x} without (the (key|entry) |){q}", "", "rest", 0.5),
    _skill("dict > other", "sorted({x}.items())", "(a|the) sorted list of the (items|pairs|entries) (of|in) {x}; the (items|pairs) (of|in) {x} sorted by key", "", "pairs", 0.7),
    _skill("dict > other", "sorted({x}.items(), key=lambda item: item[1])", "(a list of |)the (items|pairs|entries) (of|in) {x} sorted by value", "", "pairs ranking", 0.8),
    _skill("dict > other", "list({x}.items())", "(a|the) list of (the |all |)(items|pairs|key-value pairs|(key, value) pairs) (of|in) {x}", "", "pairs", 0.9),
    _skill("dict > strs", '[f"{{k}}={{v}}" for k, v in {x}.items()]', "(a list of |)(strings|texts) of the form (\"key=value\"|key=value) for (each|every) (entry|item) (of|in) {x}", "", "lines", 0.5),
    _skill("dict > strs", '[f"{{k}}: {{v}}" for k, v in {x}.items()]', "(a list of |)(strings|texts|lines) of the form (\"key: value\"|key: value) for (each|every) (entry|item) (of|in) {x}", "", "lines", 0.5),
    _skill("dict > str", '", ".join(sorted({x}))', "the sorted keys (of|in) {x} joined (by|with) (a comma and a space|', ')", "", "line", 0.3),
    _skill("dict > str", '",".join({x})', "the keys (of|in) {x} (joined|separated) (by|with) commas", "join the keys (of|in) {x} (with|by) commas", "line", 0.7),
    _skill("dict > str", "max({x}, key=len)", "the longest key (of|in) {x}", "", "longest", 0.6),
    _skill("dict > bool", "{q} in {x}", "whether (the key |){q} is (in|a key of) {x}; whether {x} (contains|has) (the key |a key |){q}", "check (whether|if) (the key |){q} is in {x}; check (whether|if) {x} (contains|has) (the key |){q}", "found", 1.2),
    _skill("dict > int", "max({x}.values()) - min({x}.values())", "the difference between the (largest|highest|maximum) and (the |)(smallest|lowest|minimum) value @i {x}", "", "spread", 0.8),
    _skill("dict dict > dict", "{{**{x}, **{y}}}", "{x} and {y} (merged|combined) (into one dictionary|); (a|the) dictionary with (all |)the (entries|items) of {x} and {y}", "(merge|combine|join) {x} and {y} (into one dictionary|)", "merged combined", 2),
    _skill("dict dict > dict", "{{k: {x}.get(k, 0) + {y}.get(k, 0) for k in {{**{x}, **{y}}}}}", "(a|the) dictionary with the (sums|sum) of the values of {x} and {y} (for (each|every) key|)", "add the values of {x} and {y} (key by key|for (each|every) key)", "added", 0.8),
    _skill("dict dict > strs", "[k for k in {x} if k in {y}]", "(a list of |)the keys (that are in both|common to|that occur in both) {x} and {y}; the common keys of {x} and {y}", "", "common", 0.9),
    _skill("dict dict > strs", "[k for k in {x} if k not in {y}]", "(a list of |)the keys (of|in) {x} that are not in {y}", "", "missing", 0.7),
    _skill("dict str > int", "{x}[{y}]", "the value (of|for|stored under) (the key |){y} in {x}; the value @i {x} for (the key |){y}", "look up {y} in {x}; look up the value (of|for) {y} in {x}", "value", 1.5),
    _skill("dict str > int", "{x}.get({y}, 0)", "the value (of|for) {y} in {x} or (0|zero) if it is (missing|not there)", "look up {y} in {x} with (0|zero) as (the |)default", "value", 1),
    _skill("dict str > bool", "{y} in {x}", "whether {y} is a key of {x}; whether {x} (contains|has) the key {y}", "check (whether|if) {y} is a key of {x}", "found", 1),
    _skill("dict strs > ints", "[{x}[k] for k in {y}]", "(a list of |)the values (of|in) {x} for (the keys (in|of)|each key (in|of)) {y}", "look up (each|every) (word|key|element) (of|in) {y} in {x}", "values", 0.4),
)  # fmt: skip

MATRICES = (
    _skill("matrix > int", "sum(sum(row) for row in {x})", "the sum of (all |all the |the )(elements|numbers|values|entries) (of|in) {x}; the total of (all |)(the |)(elements|numbers|entries) (of|in) {x}", "(add|sum) up (all |)(the |)(elements|numbers|entries) (of|in) {x}", "total", 2),
    _skill("matrix > ints", "[sum(row) for row in {x}]", "(a list of |)the (sums|sum) of (the|each|every|all) (rows|row) (of|in) {x}; the row sums of {x}", "(add|sum) up (each|every) row (of|in) {x}; sum (each|every) row (of|in) {x}", "row_sums sums", 2),
    _skill("matrix > ints", "[sum(column) for column in zip(*{x})]", "(a list of |)the (sums|sum) of (the|each|every) (columns|column) (of|in) {x}; the column sums of {x}", "(add|sum) up (each|every) column (of|in) {x}", "column_sums sums", 1.5),
    _skill("matrix > ints", "[max(row) for row in {x}]", "(a list of |)the (largest|biggest|maximum) (element|number|value) (of|in) (each|every) row (of|in) {x}; the (maximum|maxima) of (each|every|the) (row|rows) (of|in) {x}", "", "row_maxima largest", 1.4),
    _skill("matrix > ints", "[min(row) for row in {x}]", "(a list of |)the (smallest|minimum|lowest) (element|number|value) (of|in) (each|every) row (of|in) {x}; the (minimum|minima) of (each|every|the) (row|rows) (of|in) {x}", "", "row_minima smallest", 1),
    _skill("matrix > ints", "[n for row in {x} for n in row]", "{x} (flattened|as a flat list|flattened into one list); (a|the) (flat |single |)list of (all |)(the |)(elements|numbers|entries) (of|in) {x}", "flatten {x} (into (a|one|a single|a flat) list|)", "flat flattened", 2),
    _skill("matrix > matrix", "[list(column) for column in zip(*{x})]", "the transpose of {x}; {x} transposed; {x} with rows and columns swapped", "transpose {x}; swap (the |)rows and columns (of|in) {x}", "transposed", 2),
    _skill("matrix > int", "sum({x}[i][i] for i in range(len({x})))", "the sum of the (main |)diagonal (elements |)(of|in) {x}; the trace of {x}", "(add|sum) up the (main |)diagonal (elements |)of {x}", "trace diagonal_sum", 1.4),
    _skill("matrix > ints", "[{x}[i][i] for i in range(len({x}))]", "(a list of |)the (main |)diagonal (elements |)(of|in) {x}; the (elements|numbers) on the (main |)diagonal of {x}", "", "diagonal", 1),
    _skill("matrix > int", "len({x})", "the @m of rows (of|in) {x}; how many rows {x} has", "count the rows (of|in) {x}", "n_rows", 1.2),
    _skill("matrix > int", "len({x}[0])", "the @m of columns (of|in) {x}; how many columns {x} has", "count the columns (of|in) {x}", "n_columns", 1.2),
    _skill("matrix > ints", "{x}[0]", "the first row (of|in) {x}", "", "first_row", 1),
    _skill("matrix > ints", "{x}[-1]", "the last row (of|in) {x}", "", "last_row", 1),
    _skill("matrix > ints", "[row[0] for row in {x}]", "the first column (of|in) {x}; (a list of |)the first (element|number) of (each|every) row (of|in) {x}", "", "first_column", 1),
    _skill("matrix > ints", "[row[-1] for row in {x}]", "the last column (of|in) {x}; (a list of |)the last (element|number) of (each|every) row (of|in) {x}", "", "last_column", 0.8),
    _skill("matrix > int", "{x}[{i}][1]", "the (element|number|entry) in row {i} (and|,) column 1 of {x}", "", "element", 0.6),
    _skill("matrix > int", "{x}[{i}][0]", "the (element|number|entry) in row {i} (and|,) column 0 of {x}", "", "element", 0.6),
    _skill("matrix > int", "max(max(row) for row in {x})", "the (largest|biggest|maximum) (element|number|value) (of|in) {x}; the maximum of {x}", "", "largest", 1.2),
    _skill("matrix > int", "min(min(row) for row in {x})", "the (smallest|minimum|lowest) (element|number|value) (of|in) {x}; the minimum of {x}", "", "smallest", 0.9),
    _skill("matrix > matrix", "[row[::-1] for row in {x}]", "{x} with (each|every) row reversed; {x} mirrored (left to right|horizontally)", "reverse (each|every) row (of|in) {x}", "mirrored", 1.2),
    _skill("matrix > matrix", "{x}[::-1]", "{x} with (its|the) rows in reverse order; {x} flipped upside down", "reverse the (order of the |)rows (of|in) {x}", "flipped", 0.8),
    _skill("matrix > matrix", "[[n * 2 for n in row] for row in {x}]", "{x} with (each|every) (element|number) doubled", "double (each|every) (element|number|entry) (of|in) {x}", "doubled", 1),
    _skill("matrix > matrix", "[[n * {k} for n in row] for row in {x}]", "{x} (multiplied|scaled) by {k}; {x} with (each|every) (element|number) multiplied by {k}", "multiply (each|every) (element|number|entry) (of|in) {x} by {k}; (multiply|scale) {x} by {k}", "scaled", 1),
    _skill("matrix > matrix", "[[n + {k} for n in row] for row in {x}]", "{x} with {k} added to (each|every) (element|number|entry)", "add {k} to (each|every) (element|number|entry) (of|in) {x}", "shifted", 0.9),
    _skill("matrix > matrix", "[sorted(row) for row in {x}]", "{x} with (each|every) row sorted", "sort (each|every) row (of|in) {x}", "sorted_rows", 0.9),
    _skill("matrix > ints", "max({x}, key=sum)", "the row (of|in) {x} with the (largest|biggest|maximum) sum", "", "largest_row", 0.8),
    _skill("matrix > int", "sum(1 for row in {x} for n in row if n > {k})", "the @m of (elements|numbers|entries) (of|in) {x} (that are |)(greater|larger) than {k}", "count the (elements|numbers|entries) (of|in) {x} (greater|larger) than {k}", "count", 0.7),
    _skill("matrix matrix > matrix", "[[a + b for a, b in zip(p, q)] for p, q in zip({x}, {y})]", "the sum of (the matrices |){x} and {y}", "add (the matrices |){x} and {y}", "added", 1),
    _skill("matrix matrix > matrix", "(np.array({x}) @ np.array({y})).tolist()", "the (matrix product|product) of (the matrices |){x} and {y}", "multiply (the matrices |){x} and {y}", "product", 0.6),
)  # fmt: skip


def _noun(condition: Condition, plural: str) -> str:
    """`even numbers` or `numbers greater than {k}`: both orders where both exist."""
    after = f"{plural} {condition.after}"
    if not condition.before:
        return after
    return f"({condition.before} {plural}|{condition.before} {plural}|{after})"


def _act(action: str, thing: str) -> str:
    return action.replace("...", thing) if "..." in action else f"{action} {thing}"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to iterate over: operand kind, its element's name, code, plural noun and what follows it."""

    takes: str
    element: str
    code: str
    plural: str
    single: str
    where: str
    list_kind: str
    conditions: tuple[Condition, ...]
    mappings: tuple[Mapping, ...]


_NUMBERS = Source(
    "ints", "n", "{x}", "@e", "@o", "@i {x}", "ints", NUMBER_CONDITIONS, NUMBER_MAPPINGS
)
_WORDS = Source("strs", "w", "{x}", "@s", "@r", "@i {x}", "strs", WORD_CONDITIONS, WORD_MAPPINGS)
_SENTENCE = Source(
    "str",
    "w",
    "{x}.split()",
    "words",
    "word",
    "(in|of) {x}",
    "strs",
    WORD_CONDITIONS,
    WORD_MAPPINGS,
)
_RANGE = Source(
    "int", "i", "range(1, {x} + 1)", "(numbers|integers)", "(number|integer)", "from (1|one) (to|up to) {x}",
    "ints", NUMBER_CONDITIONS, NUMBER_MAPPINGS,
)  # fmt: skip
_VALUES = Source(
    "dict",
    "v",
    "{x}.values()",
    "values",
    "value",
    "(in|of) {x}",
    "ints",
    NUMBER_CONDITIONS,
    NUMBER_MAPPINGS,
)


def _selections(source: Source) -> list[Skill]:
    """Filters over one source: the elements that pass, how many, all, any, and the first of them."""
    skills = []
    n, code, where = source.element, source.code, source.where
    for c in source.conditions:
        test, opposite = c.test.replace("{n}", n), c.opposite.replace("{n}", n)
        noun = _noun(c, source.plural)
        body = f"for {n} in {code} if {test}"
        mark = "" if source.takes != "dict" else " as a list"
        skills += [
            Skill((source.takes,), source.list_kind, f"[{n} {body}]",
                  (f"(a list of |)(all |all the |the |only the |the ){noun} {where}{mark}", f"(a|the) list of (the |all |){noun} {where}"),
                  (f"(keep|select|pick|filter|extract|collect) (only |)(the |all |){noun} {where}", f"filter (out |)the {noun} {where}" if source.takes == "ints" else f"select the {noun} {where}"),
                  ("selected", "filtered", "kept"), 1.0),
            Skill((source.takes,), "int", f"sum(1 {body})",
                  (f"(the |)@m of {noun} {where}", f"how many {noun} (there are |are |){where}"),
                  (f"count (the |all |all the |){noun} {where}", f"count how many {noun} (there are |are |){where}"),
                  ("count", "n_selected", "how_many"), 0.9),
            Skill((source.takes,), "bool", f"all({test} for {n} in {code})",
                  (f"whether (all|all the|all of the) {source.plural} {where} are {noun}" if False else f"whether (all|all the) {source.plural} {where} are {_predicate(c)}",),
                  (f"check (whether|if) (all|all the) {source.plural} {where} are {_predicate(c)}",), ("all_ok", "result"), 0.25) if _predicate(c) else None,
            Skill((source.takes,), "bool", f"any({test} for {n} in {code})",
                  (f"whether (any|at least one) {source.single} {where} is {_predicate(c)}", f"whether {{x}} (contains|has) (any|an|at least one) {_predicate(c)} {source.single}" if c.before and source.takes == "ints" else f"whether any {source.single} {where} is {_predicate(c)}"),
                  (f"check (whether|if) (any|at least one) {source.single} {where} is {_predicate(c)}",), ("any_ok", "found"), 0.25) if _predicate(c) else None,
        ]  # fmt: skip
        if source.takes in ("ints", "strs"):
            skills.append(
                Skill((source.takes,), source.list_kind, f"[{n} for {n} in {code} if {opposite}]",
                      (f"{{x}} without (the |any |all |){noun}",),
                      (f"(remove|drop|delete) (the |all |all the |every |){noun} from {{x}}".replace("every |", ""),), ("remaining", "rest", "cleaned"), 0.6)
            )  # fmt: skip
            skills.append(
                Skill((source.takes,), "ints", f"[i for i, {n} in enumerate({code}) if {test}]",
                      (f"(a list of |)the (indices|indexes|positions) of (the |all |){noun} {where}",), (), ("indices", "positions"), 0.25)
            )  # fmt: skip
        if source.takes == "ints":
            skills.append(
                Skill(("ints",), "int", f"next(n {body})",
                      (f"the first {_noun(c, '@o').replace('that are', 'that is')} {where}",), (), ("first", "found"), 0.3)
            )  # fmt: skip
    return [skill for skill in skills if skill is not None]


def _predicate(c: Condition) -> str:
    """The condition after "is" or "are", where English has one: `even`, `greater than {k}`."""
    if c.before:
        return c.before
    for test, words in (
        ("{n} > {k}", "(greater|larger|bigger) than {k}"),
        ("{n} < {k}", "(less|smaller) than {k}"),
        ("{n} >= {k}", "at least {k}"),
        ("{n} % {k} == 0", "divisible by {k}"),
        ("len({n}) > {k}", "longer than {k} (letters|characters)"),
        ("len({n}) < {k}", "shorter than {k} (letters|characters)"),
    ):
        if c.test == test:
            return words
    return ""


def _changes(source: Source) -> list[Skill]:
    """Maps over one source, plain and of filtered elements."""
    skills = []
    n, code, where = source.element, source.code, source.where
    for m in source.mappings:
        changed = m.code.replace("{n}", n)
        stems = ("result", "changed", "new_list")
        nouns = [f"(a list of |){_each(source)} {m.participle}"]
        if m.plural:
            nouns += [
                f"(a list of |the |)(the |){m.plural} (the |all |all the |){source.plural} {where}"
            ] * 2
        if source.takes in ("ints", "strs"):
            nouns.append(f"{{x}} with @h {source.single} {m.participle}")
        actions = [
            _act(m.action, f"@h {source.single} {where}"),
            _act(m.action, f"(all|the|all the) {source.plural} {where}"),
        ]
        skills.append(
            Skill(
                (source.takes,),
                m.gives,
                f"[{changed} for {n} in {code}]",
                tuple(nouns),
                tuple(actions),
                stems,
                1.3,
            )
        )
        for c in source.conditions:
            noun = _noun(c, source.plural)
            body = f"{changed} for {n} in {code} if {c.test.replace('{n}', n)}"
            plural = (
                (f"(a list of |)the {m.plural} (the |all |){noun} {where}",) if m.plural else ()
            )
            skills.append(
                Skill((source.takes,), m.gives, f"[{body}]",
                      (*plural, f"(a list of |)(the |all |){noun} {where}, (each |){m.participle}"),
                      (_act(m.action, f"(the|all the|all) {noun} {where}"),), stems, 0.09)
            )  # fmt: skip
    return skills


def _each(source: Source) -> str:
    return f"@h {source.single} {source.where}"


_REDUCTIONS = (
    ("sum({})", "the (sum|total) of", "(add|sum) up", ("total", "result"), 1.0),
    ("max({})", "the (largest|maximum|biggest|greatest|highest) of", "", ("largest", "best"), 0.35),
    ("min({})", "the (smallest|minimum|lowest) of", "", ("smallest", "least"), 0.35),
)


def _reductions(source: Source) -> list[Skill]:
    """Sums and extremes of selected or changed elements (numbers only)."""
    skills = []
    n, code, where = source.element, source.code, source.where
    for pattern, noun_head, action_head, stems, weight in _REDUCTIONS:
        for c in source.conditions if source.list_kind == "ints" else ():
            noun = _noun(c, source.plural)
            body = f"{n} for {n} in {code} if {c.test.replace('{n}', n)}"
            actions = (f"{action_head} (the |all |all the |){noun} {where}",) if action_head else ()
            nouns = [f"{noun_head} (the |all |all the |){noun} {where}"]
            if pattern != "sum({})":
                word = noun_head.removeprefix("the ").removesuffix(" of")
                single = (
                    _noun(c, source.single)
                    .replace("that are", "that is")
                    .replace("which are", "which is")
                )
                nouns.append(f"the {word} {single} {where}")
            skills.append(
                Skill(
                    (source.takes,),
                    "int",
                    pattern.format(body),
                    tuple(nouns),
                    actions,
                    stems,
                    1.2 * weight,
                )
            )
        for m in source.mappings:
            if m.gives != "ints" or not m.plural:
                continue
            changed = m.code.replace("{n}", n)
            plural = f"{m.plural} (the |all |all the |)"
            actions = (f"{action_head} the {plural}{source.plural} {where}",) if action_head else ()
            skills.append(
                Skill((source.takes,), "int", pattern.format(f"{changed} for {n} in {code}"),
                      (f"{noun_head} the {plural}{source.plural} {where}",), actions, stems, weight)
            )  # fmt: skip
            for c in source.conditions:
                body = f"{changed} for {n} in {code} if {c.test.replace('{n}', n)}"
                skills.append(
                    Skill((source.takes,), "int", pattern.format(body),
                          (f"{noun_head} the {plural}{_noun(c, source.plural)} {where}",), (), stems, 0.1 * weight)
                )  # fmt: skip
    return skills


def _products() -> list[Skill]:
    """Products of selected numbers."""
    return [
        Skill(("ints",), "int", f"int(np.prod([n for n in {{x}} if {c.test.replace('{n}', 'n')}]))",
              (f"the product of (the |all |all the |){_noun(c, '@e')} @i {{x}}",),
              (f"multiply (the |all |all the |){_noun(c, '@e')} @i {{x}} (together|)",), ("product",), 0.15)
        for c in NUMBER_CONDITIONS
    ]  # fmt: skip


def _scaled(skills: list[Skill], factor: float) -> list[Skill]:
    total = sum(s.weight for s in skills)
    return [
        Skill(s.takes, s.gives, s.code, s.nouns, s.actions, s.stems, s.weight * factor / total)
        for s in skills
    ]


@cache
def by_operands() -> dict[tuple[str, ...], list[Skill]]:
    """All skills, grouped by the kinds that they take; weights compare within a group."""
    grammar = _scaled(
        [*_selections(_NUMBERS), *_changes(_NUMBERS), *_reductions(_NUMBERS), *_products()], 45
    )
    grammar += _scaled([*_selections(_WORDS), *_changes(_WORDS), *_reductions(_WORDS)], 25)
    grammar += _scaled([*_selections(_SENTENCE), *_changes(_SENTENCE), *_reductions(_SENTENCE)], 12)
    grammar += _scaled([*_selections(_RANGE), *_changes(_RANGE), *_reductions(_RANGE)], 12)
    grammar += _scaled([*_selections(_VALUES), *_reductions(_VALUES)], 8)
    groups: dict[tuple[str, ...], list[Skill]] = {}
    for skill in [*INTS, *TEXTS, *WORDS, *NUMBERS, *TABLES, *MATRICES, *grammar]:
        groups.setdefault(skill.takes, []).append(skill)
    return groups


# what people usually ask for, in addition; only in the last stage
USUAL = (
    _skill("ints > float", "round(sum({x}) / len({x}), 2)", "the (average|mean) of {x}(,|) rounded to (2|two) (decimals|decimal places)", "", "average mean", 3),
    _skill("ints > float", "round(sum({x}) / len({x}), 1)", "the (average|mean) of {x}(,|) rounded to (1|one) (decimal|decimal place)", "", "average mean", 1),
    _skill("ints > ints", "[n for n in {x} if n % 2 == 0]", "the even @e @i {x}", "(keep|select) (only |)the even @e @i {x}", "evens even_numbers", 3),
    _skill("ints > ints", "[n for n in {x} if n > 0]", "the positive @e @i {x}", "(keep|select) (only |)the positive @e @i {x}", "positives", 3),
    _skill("ints > ints", "[n ** 2 for n in {x}]", "the square(s|) of (each|every|the) @e @i {x}", "square (each|every) @o @i {x}", "squares", 3),
    _skill("ints > ints", "[n * 2 for n in {x}]", "(twice (each|every) @o @i {x}|{x} with (each|every) @o doubled)", "double (each|every) @o @i {x}", "doubled", 3),
    _skill("ints > int", "sum(n for n in {x} if n % 2 == 0)", "the sum of the even @e @i {x}", "add up the even @e @i {x}", "total even_sum", 3),
    _skill("ints > int", "sum(n ** 2 for n in {x})", "the sum of the squares of (the @e @i |){x}", "add up the squares of (the @e @i |){x}", "total", 2),
    _skill("ints > int", "sum(1 for n in {x} if n < 0)", "the number of negative @e @i {x}; how many negative @e {x} has", "count the negative @e @i {x}", "n_negative", 3),
    _skill("ints > int", "sum(1 for n in {x} if n > {k})", "how many @e @i {x} are greater than {k}; the number of @e @i {x} greater than {k}", "count (the|how many) @e @i {x} (are |that are |)(greater than|above|over) {k}; count how many {x} are greater than {k}", "n_high count", 3),
    _skill("ints int > ints", "{x}[:{y}]", "the first {y} @e @i {x}", "take the first {y} @e @i {x}", "first_part", 2),
    _skill("ints int > ints", "{x}[-{y}:]", "the last {y} @e @i {x}", "take the last {y} @e @i {x}", "last_part", 1.5),
    _skill("ints int > ints", "{x}[{y}:] + {x}[:{y}]", "{x} rotated (to the |)left by {y}", "move the first {y} @e of {x} to the end; rotate {x} (to the |)left by {y}", "rotated", 2),
    _skill("strs int > strs", "{x}[{y}:] + {x}[:{y}]", "{x} rotated (to the |)left by {y}", "move the first {y} @s of {x} to the end; rotate {x} (to the |)left by {y}", "rotated", 1),
    _skill("strs int > strs", "{x}[:{y}]", "the first {y} @s @i {x}", "take the first {y} @s @i {x}", "first_part", 1),
    _skill("ints int > ints", "{x}[-{y}:] + {x}[:-{y}]", "{x} rotated (to the |)right by {y}", "move the last {y} @e of {x} to the front; rotate {x} (to the |)right by {y}", "rotated", 1),
    _skill("ints int > ints", "[n for n in {x} if n % {y} == 0]", "the @e @i {x} (that are |)divisible by {y}; the multiples of {y} in {x}", "keep only the @e @i {x} (that are |)divisible by {y}", "multiples", 1.5),
    _skill("ints int > int", "sum(n for n in {x} if n > {y})", "the sum of the @e @i {x} (greater than|above) {y}", "add up the @e @i {x} (greater than|above) {y}", "total", 1.2),
    _skill("ints int > int", "{x}[{y}]", "the @o (at index|at position) {y} @i {x}", "", "element", 1),
    _skill("ints int > int", "{x}.index({y})", "the (index|position) of {y} in {x}", "", "index place", 1),
    _skill("int int > int", "{x} * {y}", "the area of (the|a) rectangle", "", "area", 1.2),
    _skill("int int > int", "2 * ({x} + {y})", "the perimeter of (the|a) rectangle", "", "perimeter", 0.8),
    _skill("str > str", '"".join("*" if c in "aeiou" else c for c in {x})', "{x} with (every|each) vowel replaced (by|with) \"*\"; {x} with (its|the|all) vowels replaced (by|with) \"*\"", "replace (every|each) vowel (of|in) {x} (by|with) \"*\"", "masked hidden", 1.5),
    _skill("str > strs", "sorted(set({x}.split()))", "the sorted @d words (of|in) {x}; the @d words (of|in) {x} in alphabetical order", "", "unique_words", 1.2),
    _skill("str > strs", "sorted({x}.split(), key=len)", "the words (of|in) {x} (sorted|ordered) by (their |)length", "sort the words (of|in) {x} by (their |)length", "by_length", 1.2),
    _skill("str > int", "sum(1 for w in {x}.split() if len(w) > {k})", "the number of words (of|in) {x} (longer than {k} letters|with more than {k} letters); how many words (of|in) {x} are longer than {k} letters", "count the words (of|in) {x} longer than {k} letters", "n_long count", 1),
    _skill("strs > ints", "[len(w) for w in {x}]", "the length(s|) of (each|every|the) @s @i {x}", "", "lengths", 3),
    _skill("strs > strs", "[w[0] for w in {x}]", "the first letter(s|) of (each|every|the) @s @i {x}", "take the first letter of (each|every) @r @i {x}", "initials", 2),
    _skill("strs > strs", "[w.upper() for w in {x}]", "the @s @i {x} in upper case", "(convert|change) (each|every) @r @i {x} to upper case", "upper_words", 2),
    _skill("strs > str", '"".join(w[0] for w in {x}).upper()', "the first letters of {x}(,|) in upper case(,|) joined together", "join the first letters of {x}(,|) in upper case", "acronym short", 1.2),
    _skill("strs > strs", "[w for w in {x} if len(w) > {k}]", "the @s @i {x} (that are |)longer than {k} (letters|characters|)", "keep only the @s @i {x} that are longer than {k} letters", "long_words", 3),
    _skill("dict > str", "max({x}, key={x}.get)", "the (key|name|word|letter|item|product|person|one) with the (largest|highest|greatest|most) (value|count|score|price|number) in {x}; the (key|name|word|letter|item|product) with the (highest|largest) (value|count|score|price|number)", "", "best winner top", 4),
    _skill("dict > str", "min({x}, key={x}.get)", "the (key|name|word|letter|item|product|person|one) with the (smallest|lowest|fewest) (value|count|score|price|number) in {x}; the (key|name|word|letter|item|product) with the (lowest|smallest) (value|count|score|price|number)", "", "cheapest lowest", 3),
    _skill("dict > dict", "{{k: v for k, v in {x}.items() if v >= {k}}}", "the entries (of|in) {x} (whose value is|with a value of) at least {k} (as a dictionary|)", "keep only the entries (of|in) {x} (whose value is|with a value of) at least {k}", "kept", 1),
    _skill("dict int > dict", "{{k: v * {y} for k, v in {x}.items()}}", "{x} with (every|each) value multiplied by {y}", "multiply (every|each) value (of|in) {x} by {y}", "scaled", 1),
    _skill("dict int > strs", "[k for k, v in {x}.items() if v > {y}]", "(a list of |)the keys (of|in) {x} (whose value is|with a value) (greater than|above) {y}", "", "selected", 1.5),
    _skill("dict int > dict", "{{k: v + {y} for k, v in {x}.items()}}", "{x} with {y} added to (every|each) value", "add {y} to (every|each) value (of|in) {x}", "raised", 1),
    _skill("int int > ints", "[i for i in range({x}, {y} + 1) if i % 2 == 0]", "the even numbers from {x} to {y}", "", "evens", 1),
    _skill("int int > ints", "[i for i in range(1, {x} + 1) if i % {y} == 0]", "the (numbers|multiples of {y}) from 1 to {x} (that are |)divisible by {y}", "", "multiples", 0.8),
    _skill("int > ints", "[i for i in range(1, {x}) if {x} % i == 0]", "the (divisors of {x}|proper divisors of {x}|numbers that divide {x}) (smaller than|less than|below) {x}; the proper divisors of {x}", "", "divisors", 1.2),
    _skill("int > ints", "[i for i in range(1, {x} + 1) if i % 2 == 0]", "the even numbers from 1 to {x}", "", "evens", 2),
)  # fmt: skip
_SHARPNESS = 1.5


@cache
def usual_by_operands() -> dict[tuple[str, ...], list[Skill]]:
    """As `by_operands`, with higher weights for common skills, and with some more of them."""
    groups = {
        takes: [replace(skill, weight=skill.weight**_SHARPNESS) for skill in skills]
        for takes, skills in by_operands().items()
    }
    for skill in USUAL:
        groups.setdefault(skill.takes, []).append(skill)
    return groups
