# ruff: noqa: E501
"""How prompts are worded: references, literals, and the sentences around a skill's phrase."""

import random
import re
from dataclasses import dataclass

from models.training.corpora.skills import expand

KIND_NOUNS = {
    "int": ("number", "integer", "number", "value"),
    "float": ("number", "float", "value"),
    "bool": ("flag", "truth value"),
    "str": ("string", "text", "string", "word", "sentence"),
    "ints": ("list", "list", "list of numbers", "list of integers", "array"),
    "strs": ("list", "list", "list of words", "list of strings"),
    "dict": ("dictionary", "dictionary", "dict"),
    "matrix": ("matrix", "list of lists", "matrix"),
    "other": ("result",),
}

ASSIGN = (
    "(Assign|Store|Put|Save|Assign) {a}(the @k |){v} (to|in) (a |the |)variable (named |called |){n}",
    "(Assign|Store|Put|Save|Assign) (the @k |){v} (to|in) {n}",
    "(Assign|Store|Put) the @k {v} (to|in) (a variable named|a variable called|the variable|) {n}",
    "(Create|Define|Make|Initialize|Initialise|Declare|Set up) a @k (named |called |){n} (with the (value|values|content)|with|containing|holding|equal to|as|that is) {v}",
    "(Create|Define|Make|Initialize|Initialise|Declare) (a|the) variable (named |called |){n} (with (the |)value|with|equal to|containing|as|holding) (the @k |){v}",
    "(Create|Define|Make|Initialize|Initialise|Declare) {n} (as|with|to be) (the @k |){v}",
    "(Create|Define) the @k {n} (as|with|=) {v}",
    "Let {n} be (the @k |){v}",
    "Set {n} to (the @k |){v}",
    "Set (the variable |the value of |){n} (to|equal to) {v}",
    "Start with (the|a) @k {v} (and call it|named|called) {n}",
    "(Take|Use) the @k {v} (and call it|as) {n}",
    "(Given|Consider) (a|the) @k {n} (=|with value|with the value|equal to) {v}",
    "(Create|Define|Make) (a|the) @k {v} and (call|name) it {n}",
    "{n} is the @k {v}",
)

ASSIGN_TWO = (
    "Set {n} to {v} and {n2} to {v2}",
    "Let {n} be {v} and {n2} be {v2}",
    "(Assign|Store) {v} (to|in) {n} and {v2} (to|in) {n2}",
    "(Create|Define|Initialize|Make) two (variables|@ks) {n} and {n2} with (the |)values {v} and {v2}(| respectively)",
    "(Create|Define|Initialize|Declare) (the (variables|@ks) |){n} = {v} and {n2} = {v2}",
    "(Create|Define|Initialize) {n} (as|with) {v} and {n2} (as|with) {v2}",
    "(Assign|Store) (the @ks |){v} and {v2} (to|in) (the variables |){n} and {n2}(| respectively)",
)

ASSIGN_NAMELESS = (
    "(Create|Define|Make|Initialize) a @k (with the (value|values)|with|containing) {v}",
    "(Take|Start with|Use|Consider) the @k {v}",
)

VERBS = "(Compute|Calculate|Find|Get|Determine|Work out|Obtain|Compute|Calculate|Find)"
MAKERS = "(Create|Make|Build|Construct|Form|Generate|Compute|Find|Get)"

STORES = (
    "and (store|save|keep|put|assign) (it|the result|that|the answer) (in|into|to|as) (a |the |)(new |)variable (named |called |){n}",
    "and (store|save|keep|put) (it|the result|the answer|them) (in|as|into) {n}",
    "and (store|save) (it|the result) (in|as|under the name) {n}",
    "and assign (it|the result|this) to {n}",
    "and (call|name) (it|the result|this) {n}",
    "as {n}",
    "(into|in|to) {n}",
    "(into|in|to) (a|the) variable (named |called |){n}",
    ", (storing|saving|keeping) (it|the result) (in|as) {n}",
    "and let {n} be the result",
    "and (store|save|keep|put) (them|these|the results) (in|as) {n}",
    ", (named|called) {n}",
    "and (store|save|put) (the (count|number|value|list|answer)|it) (in|as) {n}",
)

NAMED = (
    "(Let|Set) {n} (be|to|to be) {p}",
    "(Store|Save|Put|Keep|Assign) {p} (in|into|to|as) {n}",
    "(Store|Save|Put|Assign) {p} (in|to) (a |the |)variable (named |called |){n}",
    "(Create|Define|Make|Build) (a variable |)(named |called |){n} (with|as|holding|containing|that holds|equal to|from) {p}",
    "Assign to {n} {p}",
    "{n} (should be|is|becomes) {p}",
    "In {n}(,|) (store|put|save) {p}",
)

PRINTS = (
    "(Print|Print out|Show|Display|Output|Print) {r}",
    "(Print|Print out|Show|Display|Output) the (value|content|contents) of {r}",
    "(Print|Display|Show|Output) (the variable|the result|the final value|the value of the variable) {r}",
    "(Print|Print out|Show|Display|Output) {r}",
    "Print {r} (to the screen|to the console|on the screen|)",
    "(Finally(,|)|Now|Then) (print|show|display|output) {r}",
)

PRINT_RESULT = (
    "(Print|Print out|Show|Display|Output) (the result|it|the answer|the final result|the outcome)",
    "(Print|Show|Display) (the resulting|the final|the new) @k",
)

PRINT_PHRASE = (
    "(Print|Print out|Show|Display|Output|Print) {p}",
    f"{VERBS} {{p}} and (print|show|display|output) (it|the result)",
    "(Finally|Now|Then)(,|) (print|show|display|output) {p}",
)

FUNCTION_VERB = "(Write|Define|Create|Implement|Make|Define|Write)"

FUNCTIONS = (
    f"{FUNCTION_VERB} a function (named |called |){{f}} that (takes|accepts|has|gets) {{params}} and (returns|gives back|returns) {{p}}",
    f"{FUNCTION_VERB} a function (named |called |){{f}} (that|which) returns {{p}}",
    f"{FUNCTION_VERB} a function (named |called |){{f}} (to (compute|calculate|find|get|return)|that (computes|calculates|finds|gives|returns)|for) {{p}}",
    f"{FUNCTION_VERB} (a|the) function {{f}}({{args}}) (that|which) returns {{p}}",
    f"{FUNCTION_VERB} (a|the) function (named |called |){{f}} which, given {{params}}, returns {{p}}",
    "(Given|For) {params}, (write|define) a function (named |called |){f} that returns {p}",
)

FUNCTION_ACTIONS = (
    f"{FUNCTION_VERB} a function (named |called |){{f}} to {{p}}",
    f"{FUNCTION_VERB} a function (named |called |){{f}} that (takes|accepts) {{params}} to {{p}} and returns the result",
    f"{FUNCTION_VERB} a function {{f}}({{args}}) to {{p}}",
)

CALLS = (
    "(Call|Run|Use|Invoke) (the function |){f} (on|with|for) {args}",
    "Apply (the function |){f} to {args}",
    "Pass {args} to (the function |){f}",
    "(Evaluate|Compute) {f}({code})",
)

CALL_NOUNS = (
    "(the result of |){f}({code})",
    "the result of (calling |applying |)(the function |){f} (on|to|with|for|of) {args}",
    "(the value of |){f} (of|for|applied to) {args}",
    "what (the function |){f} returns for {args}",
    "the (output|return value) of {f} (for|on|with) {args}",
)

CALL_EACH = (
    "Apply {f} to (each|every) (element|item|entry) (of|in) {args}",
    "Use {f} on (each|every) (element|item) (of|in) {args}",
    "(Call|Run) {f} on (all|all the) (elements|items) (of|in) {args}",
)


# how people usually put it: the last stage's wording

USUAL_ASSIGN = (
    "Assign (the @k |){v} to a variable (named|called) {n}",
    "Assign (the @k |){v} to {n}",
    "Set {n} to {v}",
    "Set {n} to {v}",
    "Let {n} be (the @k |){v}",
    "Let {n} be {v}",
    "Create a @k (named|called) {n} with the (value|values) {v}",
    "Store (the @k |){v} in (a variable (named|called) |){n}",
    "Define (a @k |){n} (as|with the value) {v}",
    "Initialize {n} (with|to) {v}",
)
USUAL_ASSIGN_TWO = (
    "Set {n} to {v} and {n2} to {v2}",
    "Let {n} be {v} and {n2} be {v2}",
    "Assign {v} to {n} and {v2} to {n2}",
)
USUAL_STORES = (
    "and (store|save|put) (it|them|the result|the answer) in {n}",
    "and (store|save) (it|them|the result|the @k) in {n}",
    "and store (it|the result) in a variable (named|called) {n}",
    "and (call|name) (it|them|the result|the @k) {n}",
    "and save (it|them|the result) as {n}",
    "and assign (it|the result) to {n}",
    "and store (it|them) in a @k (named|called) {n}",
    "in a @k (named|called) {n}",
    "as {n}",
)
USUAL_NAMED = (
    "Store {p} in {n}",
    "Store {p} in a (variable|@k) (named|called) {n}",
    "Set {n} to {p}",
    "Let {n} be {p}",
    "Assign {p} to {n}",
)
USUAL_LISTS = ("(Create|Make|Build) a list (named|called) {n} (with|of|that contains) {p}",)
USUAL_TABLES = ("(Create|Make|Build) a dictionary (named|called) {n} {p}",)
USUAL_PRINTS = (
    "(Print|Print|Print|Show|Output) {r}",
    "Print the value of {r}",
    "Print the (variable|@k) {r}",
    "(Print|Show) (it|the result|the final result|the answer)",
)
USUAL_PHRASE = (
    "Print {p}",
    "Print {p}",
    f"{VERBS} {{p}} and print (it|the result|the answer)",
)

_ARTICLE = re.compile(r"\ba (?=integer|array|empty|even |odd |element|uppercase)")


@dataclass(frozen=True, slots=True)
class Voice:
    """The wording of one conversation: quotes, full stops, how plain it is."""

    quote: str
    stop: str
    literal_quote: str
    nouns: float

    usual: bool = False

    @staticmethod
    def draw_usual(rng: random.Random) -> "Voice":
        """A voice with common wordings."""
        quote = rng.choice(("", "", "", '"', '"', "'"))
        return Voice(quote, ".", '"', rng.choice((0.0, 0.0, 0.1)), usual=True)

    @staticmethod
    def draw(rng: random.Random) -> "Voice":
        return Voice(
            quote=rng.choice(('"', '"', "", "", "'", "`")),
            stop=rng.choice((".", ".", ".", "")),
            literal_quote=rng.choice(('"', '"', '"', "'")),
            nouns=rng.choice((0.0, 0.2, 0.4)),
        )

    def name(self, name: str) -> str:
        return f"{self.quote}{name}{self.quote}"

    def reference(self, name: str, kind: str, rng: random.Random) -> str:
        """`"total"`, `total`, `the list total`."""
        quoted = self.name(name)
        if rng.random() < self.nouns:
            return f"the {rng.choice((*KIND_NOUNS[kind], 'variable'))} {quoted}"
        return quoted

    def literal(self, value: object, rng: random.Random) -> str:
        """A value in a prompt: strings quoted, containers as Python prints them."""
        if isinstance(value, str):
            return f"{self.literal_quote}{value}{self.literal_quote}"
        shown = repr(value)
        return f'"{shown}"' if rng.random() < 0.05 and isinstance(value, list) else shown

    def sentence(self, template: str, fields: dict[str, str], rng: random.Random) -> str:
        """A template expanded, then filled, then finished as a sentence. Values are filled last."""
        text = fill(expand(template, rng), fields)
        text = _squeeze(text, fields).strip()
        text = _ARTICLE.sub("an ", text.replace(" ,", ","))
        return text[0].upper() + text[1:] + self.stop if text[0].islower() else text + self.stop


def _squeeze(text: str, fields: dict[str, str]) -> str:
    """Remove doubled spaces, which empty choices leave, unless a value has them."""
    if any("  " in value for value in fields.values()):
        return text
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def fill(template: str, fields: dict[str, str]) -> str:
    """Replace fields in one pass, so that braces in values are kept."""
    parts: list[str] = []
    rest = template
    while rest:
        start = rest.find("{")
        end = rest.find("}", start)
        if start < 0 or end < 0:
            break
        key = rest[start + 1 : end]
        if key in fields:
            parts += [rest[:start], fields[key]]
        else:
            parts += [rest[: end + 1]]
        rest = rest[end + 1 :]
    return "".join([*parts, rest])
