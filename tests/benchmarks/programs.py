"""Programs with what each scorer must say of them: one clause of the rules each.

Columns: what it shows, the program, the expected value, accepted by official, by strict.
"""

from typing import NamedTuple

# ruff: noqa: E501  a table: a row a line


class Judged(NamedTuple):
    shows: str
    program: str
    expected: object
    official: bool
    strict: bool


_PANDAS = "import pandas as pd\n"
_NUMPY = "import numpy as np\n"

# fmt: off
LAST_STATEMENT = [
    Judged("print of the value", "print(3)", 3, True, True),
    Judged("another value", "print(4)", 3, False, False),
    Judged("bare last expression is shown", "x = 3\nx", 3, True, True),
    Judged("assignment shows only officially", "x = 3", 3, True, False),
    Judged("annotated assignment likewise", "x: int = 3", 3, True, False),
    Judged("annotation without value shows nothing", "print(3)\nx: int", 3, True, True),
    Judged("augmented assignment prints its operand", "x = 1\nx += 3", 3, True, False),
    Judged(
        "call of main prints its None officially", "def main():\n  print(3)\nmain()", 3, False, True
    ),
    Judged("method call on a list too", "x = [2]\nprint([1, 2])\nx.append(1)", [1, 2], False, True),
    Judged("print in an assignment stays", "x = print(3)", 3, True, True),
    Judged(
        "name that starts with print stays", "def printer(): print(3)\nprinter()", 3, True, True
    ),
    Judged(
        "method called print is wrapped",
        "class A:\n  print = staticmethod(print)\nA().print(3)",
        3,
        False,
        True,
    ),
    Judged("last statement without a value", "print(3)\nif True:\n  y = 4", 3, True, True),
    Judged("expression inside a block is not shown", "if True:\n  3", 3, False, False),
    Judged("docstring is a bare expression", "'abc'", "abc", True, True),
    Judged("starred expression", "*[3],", [3], True, True),
    Judged("star alone prints officially", "x = [3]\n*x", 3, True, False),
    Judged("walrus", "(x := 3)", 3, True, True),
    Judged("bare None is not shown", "print(3)\nNone", 3, False, True),
    Judged("return at top level", "print(3)\nreturn 3", 3, False, False),
    Judged("nothing printed", "x = 3\ndef f(): pass", 3, False, False),
    Judged("empty program", "", 3, False, False),
    Judged("comments only", "# print(3)\n", 3, False, False),
]

LAST_PRINT = [
    Judged("first argument counts officially", "print(3, 4)", 3, True, False),
    Judged("label before the value", "print('x', 3)", 3, False, False),
    Judged("last print counts", "print(1)\nprint(3)", 3, True, True),
    Judged("earlier print does not", "print(3)\nprint(1)", 3, False, False),
    Judged("print without arguments comes last", "print(3)\nprint()", 3, False, False),
    Judged("print inside a function", "def f():\n  print(3)\nfor _ in [0]: f()", 3, True, True),
    Judged("end and sep do not matter", "print(3, end='', sep='-')", 3, True, True),
    Judged(
        "list changed after its print", "x = [1]\nprint(x)\nx += [2]\nif 1: pass", [1], False, True
    ),
    Judged(
        "list right only at the end",
        "x = [1]\nprint(x)\nx.append(2)\nif 1: pass",
        [1, 2],
        True,
        False,
    ),
    Judged(
        "nested list changed", "x = [[1]]\nprint(x)\nx[0][0] = 2\nif 1: pass", [[1]], False, True
    ),
    Judged(
        "dict in a list changed", "x = {}\nprint([x])\nx['a'] = 1\nif 1: pass", [{}], False, True
    ),
    Judged("exception after the print", "print(3)\n1 / 0", 3, True, False),
    Judged("exception before it", "1 / 0\nprint(3)", 3, False, False),
    Judged("syntax error", "print(3)\nx = = 1", 3, False, False),
    Judged("SystemExit fails officially", "print(3)\nraise SystemExit", 3, False, True),
    Judged("exit status 0 is an end", "import sys\nprint(3)\nsys.exit(0)", 3, False, True),
    Judged("exit status 1 is not", "import sys\nprint(3)\nsys.exit(1)", 3, False, False),
    Judged(
        "last expression raises when shown",
        "class A:\n  def __repr__(s): 1 / 0\nA()",
        3,
        False,
        False,
    ),
    Judged("main guard is taken", "if __name__ == '__main__':\n  print(3)", 3, True, True),
]

NUMBERS = [
    Judged("float truncated to the expected int", "print(3.9)", 3, True, False),
    Judged("whole float for an int", "print(3.0)", 3, True, True),
    Judged("text cast to int", "print('3')", 3, True, False),
    Judged("text that is no number", "print('three')", 3, False, False),
    Judged("bool for an int", "print(True)", 1, True, False),
    Judged("None for an int", "print(None)", 3, False, False),
    Judged("list for an int", "print([3])", 3, False, False),
    Judged("int for a float", "print(2)", 2.0, True, True),
    Judged("float within tolerance", "print(0.1 + 0.2)", 0.3, True, True),
    Judged("float close enough", "print(1.0000009)", 1.0, True, True),
    Judged("float too far", "print(1.0000011)", 1.0, False, False),
    Judged("large float, relative tolerance", "print(1e12 + 0.5)", 1e12, False, True),
    Judged("large float too far", "print(1e12 + 2)", 1e12, False, False),
    Judged("not a number", "print(float('nan'))", 1.0, False, False),
    Judged("infinity", "print(float('inf'))", 1.0, False, False),
    Judged("huge int for a float", "print(10 ** 400)", 1.0, False, False),
    Judged("huge int exactly", "print(10 ** 400)", 10**400, True, True),
    Judged("complex for a float", "print(2 + 0j)", 2.0, False, True),
    Judged("decimal", "from decimal import Decimal\nprint(Decimal('2.50'))", 2.5, True, True),
    Judged("fraction", "from fractions import Fraction\nprint(Fraction(1, 2))", 0.5, True, True),
    Judged("int subclass", "class I(int): pass\nprint(I(3))", 3, True, True),
    Judged("NumPy int", _NUMPY + "print(np.int64(3))", 3, True, True),
    Judged("NumPy float", _NUMPY + "print(np.float32(0.5))", 0.5, True, True),
    Judged("NumPy unsigned", _NUMPY + "print(np.uint64(3))", 3, True, True),
    Judged("array without dimensions", _NUMPY + "print(np.array(3))", 3, True, True),
    Judged("array of one number", _NUMPY + "print(np.array([3]))", 3, False, False),
]

TEXT_AND_BOOL = [
    Judged("text", "print('abc')", "abc", True, True),
    Judged("number cast to text", "print(3)", "3", True, False),
    Judged("list cast to text", "print([1, 2])", "[1, 2]", True, False),
    Judged("None cast to text", "print(None)", "None", True, False),
    Judged("bytes are not text", "print(b'abc')", "abc", False, False),
    Judged("NumPy text", _NUMPY + "print(np.str_('abc'))", "abc", True, True),
    Judged("float32 shown as a float", _NUMPY + "print(np.float32(0.1))", "0.1", False, False),
    Judged("bool", "print(True)", True, True, True),
    Judged("other bool", "print(False)", True, False, False),
    Judged("text of a bool", "print('True')", True, True, False),
    Judged("int for a bool", "print(1)", True, False, False),
    Judged("NumPy bool", _NUMPY + "print(np.bool_(True))", True, True, True),
    Judged("bool for its text", "print(True)", "True", True, False),
    Judged("truthy list for a bool", "print([True])", True, False, False),
]

LISTS = [
    Judged("list", "print([1, 2])", [1, 2], True, True),
    Judged("order matters", "print([2, 1])", [1, 2], False, False),
    Judged("shorter list", "print([1])", [1, 2], False, False),
    Judged("empty list", "print([])", [], True, True),
    Judged("tuple for a list", "print((1, 2))", [1, 2], True, True),
    Judged("set for a list", "print({1, 2})", [1, 2], True, False),
    Judged("generator for a list", "print(x for x in [1, 2])", [1, 2], True, False),
    Judged("map for a list", "print(map(int, '12'))", [1, 2], True, False),
    Judged("range for a list", "print(range(1, 3))", [1, 2], True, False),
    Judged("dict for its keys", "print({1: 0, 2: 0})", [1, 2], True, False),
    Judged("text for its characters", "print('ab')", ["a", "b"], True, False),
    Judged("int for a list", "print(1)", [1], False, False),
    Judged("tuples inside a list", "print([(1, 2), (3, 4)])", [[1, 2], [3, 4]], True, True),
    Judged("tuple after a list", "print([[1, 2], (3, 4)])", [[1, 2], [3, 4]], False, True),
    Judged("tuples inside a tuple", "print(((1, 2), (3, 4)))", [[1, 2], [3, 4]], False, True),
    Judged("text after a tuple is taken apart", "print([(1,), 'ab'])", [[1], ["a", "b"]], True, False),
    Judged("number after a tuple", "print([(1,), 2])", [[1], 2], False, True),
    Judged("tuples too deep", "print([[(1,)]])", [[[1]]], False, True),
    Judged("lists are exact officially", "print([0.1 + 0.2])", [0.3], False, True),
    Judged("int and float in lists", "print([1.0, 2])", [1, 2.0], True, True),
    Judged("bool and int in lists", "print([True, 0])", [1, 0], True, False),
    Judged("bool expected in a list", "print([1, False])", [1, False], True, True),
    Judged("None in a list", "print([None])", [None], True, True),
    Judged("missing None", "print([0])", [None], False, False),
    Judged("set inside a list", "print([{1}])", [[1]], False, False),
    Judged("dict inside a list", "print([{'a': 1}])", [{"a": 1}], True, True),
    Judged("list subclass", "class L(list): pass\nprint(L([1, 2]))", [1, 2], True, True),
    Judged("list subclass of tuples", "class L(list): pass\nprint(L([(1,)]))", [[1]], False, True),
    Judged("named tuple", "from collections import namedtuple as n\nprint(n('P', 'x')(1))", [1], True, True),
    Judged("named tuples inside a list", "from collections import namedtuple as n\nprint([n('P', 'x')(1)])", [[1]], False, True),
    Judged("class that equals everything", "class A:\n  __eq__ = lambda *a: True\nprint([A()])", [1], False, False),
]

ARRAYS = [
    Judged("array for a list", _NUMPY + "print(np.array([1, 2]))", [1, 2], True, True),
    Judged("array of two dimensions", _NUMPY + "print(np.eye(2))", [[1, 0], [0, 1]], True, True),
    Judged("array of another shape", _NUMPY + "print(np.eye(2))", [1, 0, 0, 1], False, False),
    Judged(
        "arrays are exact officially", _NUMPY + "print(np.array([0.1]) * 3)", [0.3], False, True
    ),
    Judged("array of bools", _NUMPY + "print(np.array([1, 2]) > 1)", [False, True], True, True),
    Judged("array of text", _NUMPY + "print(np.array(['a', 'b']))", ["a", "b"], True, True),
    Judged("empty array", _NUMPY + "print(np.array([]))", [], True, True),
    Judged("NumPy numbers in a list", _NUMPY + "print(list(np.array([1, 2])))", [1, 2], True, True),
    Judged("arrays in a list", _NUMPY + "print([np.array([1, 2])])", [[1, 2]], False, True),
    Judged("array of one in a list", _NUMPY + "print([np.array([5])])", [5], True, False),
    Judged("Series for a list", _PANDAS + "print(pd.Series([1, 2]))", [1, 2], True, True),
    Judged(
        "Series is compared loosely", _PANDAS + "print(pd.Series([1.000009]))", [1.0], True, False
    ),
    Judged("Series too far", _PANDAS + "print(pd.Series([1.00002]))", [1.0], False, False),
    Judged("Series broadcasts", _PANDAS + "print(pd.Series([3, 3]))", 3, True, False),
    Judged(
        "Series of another length", _PANDAS + "print(pd.Series([1, 2]))", [1, 2, 3], False, False
    ),
    Judged("Series of text", _PANDAS + "print(pd.Series(['a']))", ["a"], False, True),
    Judged("Series for text", _PANDAS + "print(pd.Series([1]))", "1", False, False),
]

REFUSED = [
    Judged("None is refused officially", "print(None)", None, False, True),
    Judged("zero for None", "print(0)", None, False, False),
    Judged("dict is refused officially", "print({'a': 1})", {"a": 1}, False, True),
    Judged("dict by keys", "print({'b': [2.0], 'a': 1})", {"a": 1, "b": [2]}, False, True),
    Judged("dict with another value", "print({'a': 2})", {"a": 1}, False, False),
    Judged("dict with one key more", "print({'a': 1, 'b': 2})", {"a": 1}, False, False),
    Judged("number for a text key", "print({1: 1})", {"1": 1}, False, False),
    Judged("pairs for a dict", "print([('a', 1)])", {"a": 1}, False, False),
    Judged("counter", "from collections import Counter\nprint(Counter('a'))", {"a": 1}, False, True),
]

TAMPERING = [
    Judged("builtins replaced after the print", "import builtins\nprint([1, 2])\nbuiltins.list = builtins.type = builtins.len = None\nif 1: pass", [1, 2], True, True),
    Judged("own function called print", "def print(*a): pass\nprint(3)", 3, False, False),
    Judged("text class with its own text", "class S(str):\n  __str__ = lambda s: 'abc'\nprint(S('x'))", "abc", True, False),
]

ALL = [
    *(*LAST_STATEMENT, *LAST_PRINT, *NUMBERS, *TEXT_AND_BOOL),
    *(*LISTS, *ARRAYS, *REFUSED, *TAMPERING),
]
