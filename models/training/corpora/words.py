# ruff: noqa: E501
"""Random words, names and values for the corpora."""

import random

from models.training.corpora.heldout import is_held_out

NOUNS = [
    "apple",
    "banana",
    "cherry",
    "grape",
    "lemon",
    "mango",
    "melon",
    "orange",
    "peach",
    "pear",
    "plum",
    "fig",
    "kiwi",
    "lime",
    "date",
    "olive",
    "onion",
    "carrot",
    "potato",
    "tomato",
    "pepper",
    "bean",
    "corn",
    "rice",
    "bread",
    "butter",
    "cheese",
    "milk",
    "honey",
    "sugar",
    "salt",
    "soup",
    "salad",
    "cake",
    "pie",
    "cookie",
    "tea",
    "coffee",
    "juice",
    "water",
    "cat",
    "dog",
    "bird",
    "fish",
    "horse",
    "cow",
    "sheep",
    "goat",
    "pig",
    "duck",
    "hen",
    "fox",
    "wolf",
    "bear",
    "lion",
    "tiger",
    "mouse",
    "rabbit",
    "frog",
    "snake",
    "whale",
    "shark",
    "eagle",
    "owl",
    "bee",
    "ant",
    "spider",
    "tree",
    "leaf",
    "flower",
    "grass",
    "rose",
    "river",
    "lake",
    "sea",
    "ocean",
    "hill",
    "mountain",
    "valley",
    "forest",
    "field",
    "garden",
    "farm",
    "island",
    "beach",
    "desert",
    "cloud",
    "rain",
    "snow",
    "wind",
    "storm",
    "sun",
    "moon",
    "star",
    "sky",
    "stone",
    "sand",
    "fire",
    "ice",
    "house",
    "door",
    "window",
    "wall",
    "roof",
    "floor",
    "table",
    "chair",
    "bed",
    "lamp",
    "clock",
    "mirror",
    "book",
    "page",
    "letter",
    "paper",
    "pen",
    "pencil",
    "bag",
    "box",
    "bottle",
    "cup",
    "plate",
    "bowl",
    "knife",
    "fork",
    "spoon",
    "key",
    "lock",
    "coin",
    "ticket",
    "map",
    "road",
    "street",
    "bridge",
    "tower",
    "castle",
    "church",
    "school",
    "shop",
    "market",
    "station",
    "train",
    "bus",
    "car",
    "boat",
    "ship",
    "plane",
    "bike",
    "wheel",
    "engine",
    "hammer",
    "nail",
    "rope",
    "wire",
    "needle",
    "thread",
    "cloth",
    "shirt",
    "coat",
    "shoe",
    "hat",
    "glove",
    "ring",
    "watch",
    "ball",
    "game",
    "toy",
    "drum",
    "guitar",
    "piano",
    "song",
    "story",
    "poem",
    "word",
    "name",
    "number",
    "color",
    "shape",
    "circle",
    "square",
    "line",
    "point",
    "city",
    "town",
    "village",
    "country",
    "king",
    "queen",
    "prince",
    "soldier",
    "sailor",
    "farmer",
    "baker",
    "teacher",
    "doctor",
    "student",
    "child",
    "friend",
    "brother",
    "sister",
    "mother",
    "father",
    "uncle",
    "neighbor",
    "morning",
    "evening",
    "night",
    "summer",
    "winter",
    "spring",
    "autumn",
    "monday",
    "friday",
    "march",
    "april",
    "python",
    "robot",
    "planet",
    "rocket",
    "screen",
    "signal",
    "silver",
    "gold",
    "iron",
    "copper",
    "paint",
    "brush",
    "candle",
    "basket",
    "blanket",
    "pillow",
    "ladder",
    "bucket",
    "shelf",
    "drawer",
]

ADJECTIVES = [
    "red",
    "blue",
    "green",
    "yellow",
    "black",
    "white",
    "brown",
    "gray",
    "small",
    "big",
    "large",
    "tiny",
    "huge",
    "tall",
    "short",
    "long",
    "old",
    "young",
    "new",
    "warm",
    "cold",
    "hot",
    "cool",
    "fast",
    "slow",
    "quick",
    "quiet",
    "loud",
    "soft",
    "hard",
    "heavy",
    "light",
    "bright",
    "dark",
    "clean",
    "dirty",
    "dry",
    "wet",
    "rich",
    "poor",
    "happy",
    "sad",
    "kind",
    "brave",
    "clever",
    "lazy",
    "busy",
    "calm",
    "proud",
    "simple",
    "round",
    "flat",
    "sharp",
    "sweet",
    "sour",
    "fresh",
    "empty",
    "full",
    "open",
    "early",
    "late",
    "strong",
    "weak",
]

VERBS = [
    "run",
    "walk",
    "jump",
    "swim",
    "climb",
    "sing",
    "dance",
    "read",
    "write",
    "draw",
    "paint",
    "cook",
    "bake",
    "eat",
    "drink",
    "sleep",
    "dream",
    "wait",
    "look",
    "listen",
    "talk",
    "laugh",
    "cry",
    "help",
    "find",
    "lose",
    "build",
    "break",
    "open",
    "close",
    "carry",
    "drop",
    "push",
    "pull",
    "throw",
    "catch",
    "buy",
    "sell",
    "give",
    "take",
    "send",
    "bring",
    "keep",
    "leave",
    "arrive",
    "return",
    "visit",
    "follow",
    "watch",
    "learn",
    "teach",
    "think",
    "know",
    "wonder",
]

NAMES = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Iris",
    "Jack",
    "Karen",
    "Leo",
    "Maria",
    "Noah",
    "Olivia",
    "Paul",
    "Quinn",
    "Rosa",
    "Sam",
    "Tina",
    "Umar",
    "Vera",
    "Will",
    "Xena",
    "Yusuf",
    "Zoe",
    "Alice",
    "Bob",
    "Carol",
    "Dan",
    "Eve",
    "Frank",
    "Gina",
    "Hugo",
    "Ivy",
    "Jonas",
    "Kate",
    "Liam",
    "Mona",
    "Nina",
    "Oscar",
    "Peter",
    "Ruth",
    "Simon",
    "Tom",
]

SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bu",
    "ca",
    "ce",
    "co",
    "cu",
    "da",
    "de",
    "di",
    "do",
    "du",
    "fa",
    "fe",
    "fi",
    "fo",
    "ga",
    "ge",
    "gi",
    "go",
    "ha",
    "he",
    "hi",
    "ho",
    "ja",
    "jo",
    "ka",
    "ke",
    "ki",
    "ko",
    "la",
    "le",
    "li",
    "lo",
    "lu",
    "ma",
    "me",
    "mi",
    "mo",
    "mu",
    "na",
    "ne",
    "ni",
    "no",
    "nu",
    "pa",
    "pe",
    "pi",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "ru",
    "sa",
    "se",
    "si",
    "so",
    "su",
    "ta",
    "te",
    "ti",
    "to",
    "tu",
    "va",
    "ve",
    "vi",
    "vo",
    "wa",
    "we",
    "wi",
    "ya",
    "yo",
    "za",
    "ze",
    "zo",
]

VARIABLE_STEMS = {
    "int": [
        "n",
        "x",
        "y",
        "a",
        "b",
        "k",
        "m",
        "num",
        "value",
        "number",
        "count",
        "amount",
        "size",
        "limit",
        "age",
        "score",
        "total",
        "year",
        "price",
        "left",
        "right",
    ],
    "float": [
        "x",
        "y",
        "value",
        "price",
        "rate",
        "ratio",
        "weight",
        "height",
        "width",
        "temperature",
        "radius",
        "amount",
        "length",
    ],
    "bool": ["flag", "ok", "found", "check", "answer", "is_ok", "is_valid", "same", "result"],
    "str": [
        "s",
        "text",
        "word",
        "string",
        "name",
        "sentence",
        "line",
        "message",
        "phrase",
        "title",
        "t",
        "my_string",
        "input_text",
        "label",
    ],
    "ints": [
        "nums",
        "numbers",
        "values",
        "lst",
        "data",
        "items",
        "my_list",
        "scores",
        "xs",
        "arr",
        "a",
        "b",
        "array",
        "list1",
        "integers",
        "ages",
        "grades",
    ],
    "strs": [
        "words",
        "names",
        "items",
        "fruits",
        "strings",
        "lst",
        "my_words",
        "tokens",
        "labels",
        "list_of_words",
        "animals",
        "cities",
    ],
    "dict": [
        "d",
        "prices",
        "ages",
        "scores",
        "my_dict",
        "counts",
        "stock",
        "inventory",
        "table",
        "mapping",
        "data",
        "points",
        "marks",
    ],
    "matrix": ["matrix", "grid", "m", "table", "rows", "mat", "board"],
}

PARAMETER_STEMS = {
    "int": ["n", "x", "number", "num", "value", "a"],
    "float": ["x", "value"],
    "bool": ["flag"],
    "str": ["s", "text", "string", "word"],
    "ints": ["nums", "numbers", "lst", "values", "arr", "xs"],
    "strs": ["words", "strings", "lst", "items", "names"],
    "dict": ["d", "mapping", "dictionary", "data"],
    "matrix": ["matrix", "grid", "m", "rows"],
}

PRODUCT_STEMS = {
    "int": ["result", "total", "count", "number", "answer", "value"],
    "float": ["result", "average", "value", "ratio"],
    "bool": ["result", "flag", "check", "answer"],
    "str": ["result", "text", "new_text", "answer", "output"],
    "ints": ["result", "selected", "new_list", "filtered", "output"],
    "strs": ["result", "parts", "chosen", "new_words", "output"],
    "dict": ["result", "table", "new_dict", "counts", "output"],
    "matrix": ["result", "new_matrix", "output"],
}

RESERVED = frozenset(
    [
        "w",
        "c",
        "v",
        "i",
        "j",
        "row",
        "np",
        "and",
        "as",
        "in",
        "is",
        "if",
        "or",
        "not",
        "for",
        "def",
        "del",
        "try",
        "else",
        "from",
        "pass",
        "with",
        "True",
        "None",
        "int",
        "str",
        "sum",
        "max",
        "min",
        "len",
        "list",
        "dict",
        "set",
        "map",
        "zip",
        "round",
        "sorted",
        "range",
        "open",
        "input",
        "print",
        "abs",
        "all",
        "any",
        "chr",
        "ord",
        "next",
        "iter",
        "hash",
        "id",
        "key",
        "type",
    ]
)


def pseudo_word(rng: random.Random) -> str:
    """An invented word, which a model can only copy."""
    if rng.random() < 0.3:
        letters = "abcdefghijklmnopqrstuvwxyz"
        return "".join(rng.choice(letters) for _ in range(rng.randint(2, 7)))
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3)))


def word(rng: random.Random) -> str:
    """Mostly a common word, sometimes an invented one."""
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(NOUNS)
    if draw < 0.6:
        return rng.choice(ADJECTIVES)
    if draw < 0.68:
        return rng.choice(VERBS)
    return pseudo_word(rng)


def variable_name(kind: str, stems: dict[str, list[str]], rng: random.Random) -> str:
    """A name for a variable of this kind: conventional, compound or invented."""
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(stems[kind])
    if draw < 0.65:
        return f"{rng.choice(ADJECTIVES)}_{rng.choice(stems[kind])}"
    if draw < 0.8:
        return f"{rng.choice(stems[kind])}_{rng.choice(NOUNS)}"
    if draw < 0.9:
        return rng.choice(NOUNS)
    return pseudo_word(rng)


def blend(rng: random.Random) -> str:
    """An invented word from parts of English ones."""
    first, second = rng.choice((*NOUNS, *VERBS, *ADJECTIVES)), rng.choice((*NOUNS, *VERBS))
    if rng.random() < 0.3:
        return first + rng.choice(("ing", "er", "ed", "ly", "ness", "ful", "ish", "able"))
    return first[: max(2, len(first) // 2 + 1)] + second[len(second) // 2 :]


def usual_name(kind: str, stems: dict[str, list[str]], rng: random.Random) -> str:
    """A common name: conventional, a plain word, or two words."""
    draw = rng.random()
    if draw < 0.3:
        return rng.choice(stems[kind])
    if draw < 0.7:
        noun = rng.choice(NOUNS) if draw < 0.48 else blend(rng)
        return f"{noun}s" if kind in ("ints", "strs", "dict") and rng.random() < 0.7 else noun
    if draw < 0.85:
        return f"{rng.choice((*ADJECTIVES, 'n', 'my', 'new', 'first', 'max', 'all'))}_{rng.choice((*stems[kind], *NOUNS))}"
    if draw < 0.93:
        return rng.choice((*ADJECTIVES, *VERBS))
    return variable_name(kind, stems, rng)


def integer(rng: random.Random) -> int:
    """-99 to 999, mostly small."""
    draw = rng.random()
    if draw < 0.35:
        return rng.randint(0, 12)
    if draw < 0.75:
        return rng.randint(0, 99)
    if draw < 0.9:
        return rng.randint(-30, -1)
    return rng.randint(100, 999)


def integers(rng: random.Random) -> list[int]:
    """Two to eight integers, sometimes with repetitions, with a sign, one or none at all."""
    length = rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 8))
    style = rng.random()
    if style < 0.3:
        return [rng.randint(0, 9) for _ in range(length)]
    if style < 0.65:
        return [rng.randint(1, 50) for _ in range(length)]
    if style < 0.9:
        return [rng.randint(-20, 30) for _ in range(length)]
    pool = [rng.randint(1, 9) for _ in range(3)]
    return [rng.choice(pool) for _ in range(length)] if style < 0.97 else []


def text(rng: random.Random) -> str:
    """One to four words, sometimes with capitals, digits, commas or hyphens."""
    draw = rng.random()
    if draw < 0.06:
        base = pseudo_word(rng)[:4]
        return base + base[::-1][rng.randint(0, 1) :]
    if draw < 0.14:
        alphabet = rng.choice(("ab", "abc", "aeiou", "xyz", "abcdefghij", "0123456789", "a1b2c3"))
        return "".join(rng.choice(alphabet) for _ in range(rng.randint(2, 8)))
    words = [word(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 3, 4)))]
    if rng.random() < 0.25:
        words = [w.capitalize() if rng.random() < 0.6 else w for w in words]
    if rng.random() < 0.06:
        words[-1] = words[-1].upper()
    if rng.random() < 0.1:
        words.append(str(rng.randint(1, 99)))
    separator = rng.choice((",", "-", ", ")) if rng.random() < 0.1 else " "
    return separator.join(words)


def word_list(rng: random.Random) -> list[str]:
    """One to six words, sometimes with a repetition or capitals."""
    words = [word(rng) for _ in range(rng.choice((1, 2, 3, 3, 3, 4, 4, 5, 6)))]
    if rng.random() < 0.25:
        words.append(rng.choice(words))
        rng.shuffle(words)
    if rng.random() < 0.15:
        words = [w.capitalize() for w in words]
    return words


def table(rng: random.Random) -> dict[str, int]:
    """A dictionary from words to integers with two to five entries."""
    style = rng.random()
    keys = [
        rng.choice(NAMES) if style < 0.2 else rng.choice("abcdefgh") if style < 0.35 else word(rng)
        for _ in range(rng.choice((1, 2, 3, 3, 4, 4, 5)))
    ]
    return {key: rng.randint(0, 60) for key in keys}


def matrix(rng: random.Random) -> list[list[int]]:
    """Two or three rows of equal length."""
    rows, columns = rng.choice((2, 2, 3)), rng.choice((2, 2, 3))
    low = rng.choice((0, 0, 1, -9))
    return [[rng.randint(low, 12) for _ in range(columns)] for _ in range(rows)]


def value(kind: str, rng: random.Random) -> object:
    """A random value of a kind, which is not held out."""
    while is_held_out(repr(drawn := _draw(kind, rng))):
        pass
    return drawn


def _draw(kind: str, rng: random.Random) -> object:
    match kind:
        case "int":
            return integer(rng)
        case "float":
            return rng.randint(1, 999) / 10
        case "bool":
            return rng.random() < 0.5
        case "str":
            return text(rng)
        case "ints":
            return integers(rng)
        case "strs":
            return word_list(rng)
        case "dict":
            return table(rng)
        case "matrix":
            return matrix(rng)
    raise ValueError(f"no values of kind {kind!r}")
