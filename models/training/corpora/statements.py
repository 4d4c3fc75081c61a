# ruff: noqa: E501
"""Turns that are statements, not expressions: changes in place, loops with a target, decisions."""

import random

from models.training.corpora.skills import NUMBER_CONDITIONS, WORD_CONDITIONS

Choice = tuple[str, str, float]
"""Code, phrase, weight."""

CHANGES: dict[str, tuple[Choice, ...]] = {
    "ints": (
        ("{x}.append({e})", "(Append|Add|Append) {e} to (the end of |){x}", 3),
        ("{x}.append({e})", "Add (the (number|element|value) |){e} (at the end of|to) {x}", 1),
        ("{x}.insert(0, {e})", "(Insert|Add|Put) {e} (at the (beginning|start|front) of|at index 0 of) {x}", 1.5),
        ("{x}.sort()", "Sort {x} (in place|in place in ascending order|in-place)", 1.5),
        ("{x}.sort(reverse=True)", "Sort {x} in place in descending order", 0.7),
        ("{x}.reverse()", "Reverse {x} (in place|in-place)", 1.2),
        ("{x}.pop()", "(Remove|Pop|Delete) the last (element|number|item) (of|from) {x}", 1),
        ("{x}.pop(0)", "(Remove|Pop|Delete) the first (element|number|item) (of|from) {x}", 1),
        ("{x}.remove({e})", "(Remove|Delete) the (first (occurrence of |)|number |element |){e} from {x}", 0.8),
        ("{x}.extend({y})", "(Extend {x} (by|with)|Add to {x} all (elements|numbers) of) {y}", 0.6),
        ("{x}[{i}] = {e}", "(Set|Change) the element at (index|position) {i} of {x} to {e}", 0.9),
        ("{x}[0] = {e}", "(Set|Change|Replace) the first (element|number|item) of {x} (to|by|with) {e}", 0.9),
        ("{x}[-1] = {e}", "(Set|Change|Replace) the last (element|number|item) of {x} (to|by|with) {e}", 0.8),
        ("{x}[0], {x}[-1] = {x}[-1], {x}[0]", "(Swap|Exchange) the first and (the |)last (element|number|item) of {x}", 0.9),
    ),
    "strs": (
        ("{x}.append({w})", "(Append|Add) (the (word|string) |){w} to (the end of |){x}", 3),
        ("{x}.insert(0, {w})", "(Insert|Add|Put) {w} at the (beginning|start|front) of {x}", 1),
        ("{x}.sort()", "Sort {x} in place(| alphabetically)", 1.2),
        ("{x}.reverse()", "Reverse {x} in place", 1),
        ("{x}.pop()", "(Remove|Pop|Delete) the last (element|word|item|name) (of|from) {x}", 0.8),
        ("{x}.pop(0)", "(Remove|Pop|Delete) the first (element|word|item|name) (of|from) {x}", 0.8),
        ("{x}.remove({m})", "(Remove|Delete) (the (word|element|string) |){m} from {x}", 1),
        ("{x}[0] = {w}", "(Set|Change|Replace) the first (element|word|item) of {x} (to|by|with) {w}", 0.7),
    ),
    "int": (
        ("{x} += {k}", "(Increase {x} by|Add to {x} the number|Increment {x} by) {k}", 3),
        ("{x} += {k}", "Add {k} to {x}", 2),
        ("{x} -= {k}", "(Decrease|Reduce|Decrement|Lower) {x} by {k}", 2),
        ("{x} -= {k}", "Subtract {k} from {x}", 1.5),
        ("{x} *= {k}", "Multiply {x} by {k}", 2),
        ("{x} *= 2", "Double {x}", 1),
        ("{x} //= {k}", "(Integer-divide|Floor-divide) {x} by {k}", 0.4),
        ("{x} += 1", "(Increment {x}|Increase {x} by one|Add one to {x})", 0.8),
        ("{x} **= 2", "Square {x}", 0.6),
        ("{x}, {y} = {y}, {x}", "(Swap|Exchange) {x} and {y}", 1.5),
        ("{x}, {y} = {y}, {x}", "Swap the values of {x} and {y}", 1),
        ("{x} += {y}", "Add {y} to {x}", 1),
        ("{x} -= {y}", "Subtract {y} from {x}", 0.8),
    ),
    "float": (
        ("{x} += {k}", "(Increase {x} by {k}|Add {k} to {x})", 1),
        ("{x} *= {k}", "Multiply {x} by {k}", 1),
    ),
    "str": (
        ("{x} += {w}", "(Append|Add) {w} to (the end of |){x}", 2),
        ('{x} += "!"', "(Append|Add) an exclamation mark to {x}", 1),
        ("{x} += {c}", "(Append|Add) the letter {c} to {x}", 1),
        ("{x} = {w} + {x}", "(Prepend {w} to|Put {w} in front of) {x}", 1),
        ("{x}, {y} = {y}, {x}", "(Swap|Exchange) {x} and {y}", 0.6),
    ),
    "dict": (
        ("{x}[{w}] = {k}", "(Add|Insert) (the key |an entry |){w} with (the |)value {k} to {x}", 2.5),
        ("{x}[{w}] = {k}", "(Set the value of {w} in {x} to|Set {w} in {x} to|Add to {x} the key {w} with the value) {k}", 1.5),
        ("{x}[{q}] = {k}", "(Change|Update|Set) the value (of|for) (the key |){q} (in|of) {x} to {k}", 1.5),
        ("{x}[{q}] += {k}", "(Increase|Increment|Raise) the value (of|for) (the key |){q} in {x} by {k}", 1.3),
        ("{x}[{q}] += {k}", "Add {k} to the value (of|for) (the key |){q} in {x}", 0.8),
        ("{x}[{q}] -= {k}", "(Decrease|Reduce|Lower) the value (of|for) (the key |){q} in {x} by {k}", 0.6),
        ("{x}.pop({q})", "(Remove|Delete|Drop) (the key |the entry |){q} from {x}", 1.5),
        ("{x}.update({y})", "(Update {x} with|Add to {x} all entries of) {y}", 0.6),
    ),
}  # fmt: skip

OPENINGS = {
    "0": "((Set|Initialize|Initialise) {t} (to|at|with) (0|zero)|(Create|Define|Make|Initialize) (a (counter|variable|number) (named |called |){t} (with (the value |)|equal to |starting at |that starts at |set to )|(a |the |)(counter |variable |){t} (at |with |as ))(0|zero)|Start {t} at (0|zero)|Let {t} be (0|zero))",
    "1": "((Set|Initialize) {t} (to|with) (1|one)|Start {t} at (1|one)|Let {t} be (1|one)|Create a variable {t} (with the value|equal to) (1|one))",
    "[]": "((Create|Define|Make|Initialize|Initialise|Start with|Set up) an empty list (named |called |){t}|Set {t} to an empty list|Let {t} be an empty list|Initialize {t} (as|to|with) an empty list)",
    "{{}}": "((Create|Define|Make|Initialize|Initialise|Start with) an empty (dictionary|dict) (named |called |){t}|Set {t} to an empty (dictionary|dict)|Let {t} be an empty (dictionary|dict))",
    '""': "((Create|Define|Make|Initialize|Initialise|Start with) an empty string (named |called |){t}|Set {t} to (an|the) empty string|Let {t} be an empty string)",
}  # fmt: skip
FIRST_ELEMENT = "((Set|Initialize) {t} (to|with) the first element of {x}|Let {t} be the first element of {x}|Assign the first element of {x} to {t})"

_EACH_NUMBER = "(loop over {x} and|for (each|every) (number|element|value) (of|in) {x}(,|)|iterate over {x} and|go through {x} and|in a (for |)loop over {x}(,|))"
_EACH_WORD = "(loop over {x} and|for (each|every) (word|string|element) (of|in) {x}(,|)|iterate over {x} and|go through {x} and)"
_EACH_LETTER = "(loop over {x} and|for (each|every) (letter|character) (of|in) {x}(,|)|iterate over (the (characters|letters) of |){x} and|go through {x} and)"
_EACH_ENTRY = "(loop over {x} and|for (each|every) (entry|item|key and value|pair) (of|in) {x}(,|)|iterate over the items of {x} and)"
_COUNT_UP = "(for (each|every) (number|integer) (i |n |)from (1|one) to {x}(,|)|loop from (1|one) to {x} and|for i from (1|one) to {x}(,|))"

Loop = tuple[str, str, str, float]
"""Start of the target, code, phrase, weight."""


def _number_loops() -> tuple[Loop, ...]:
    loops: list[Loop] = [
        ("0", "for n in {x}:\n    {t} += n", _EACH_NUMBER + " add (it|the (number|element)|each (number|element)) to {t}", 4),
        ("0", "for n in {x}:\n    {t} += n ** 2", _EACH_NUMBER + " add (its square|the square of (it|the number|each number)) to {t}", 2),
        ("0", "for n in {x}:\n    {t} += abs(n)", _EACH_NUMBER + " add its absolute value to {t}", 1),
        ("1", "for n in {x}:\n    {t} *= n", _EACH_NUMBER + " multiply {t} by (it|the (number|element))", 2),
        ("[]", "for n in {x}:\n    {t}.append(n ** 2)", _EACH_NUMBER + " (append|add) (its square|the square of (it|the number)) to {t}", 2),
        ("[]", "for n in {x}:\n    {t}.append(n * 2)", _EACH_NUMBER + " (append|add) (twice the number|its double|the doubled (number|value)) to {t}", 1.5),
        ("[]", "for n in {x}:\n    {t}.append(n + {k})", _EACH_NUMBER + " (append|add) (the (number|element)|it) plus {k} to {t}", 1),
        ("[]", "for n in {x}:\n    {t}.append(n * {k})", _EACH_NUMBER + " (append|add) (the (number|element)|it) times {k} to {t}", 1),
        ("[]", "for n in {x}:\n    {t}.insert(0, n)", _EACH_NUMBER + " insert it at the (beginning|front|start) of {t}", 1),
        ("[]", "for n in {x}:\n    if n not in {t}:\n        {t}.append(n)", _EACH_NUMBER + " append it to {t} if it is not (in {t}|there|in it) (yet|already)", 2),
        ("{{}}", "for n in {x}:\n    {t}[n] = {t}.get(n, 0) + 1", _EACH_NUMBER + " (count it in|increase its count in|add one to its count in) {t}", 1),
        ("{x}[0]", "for n in {x}:\n    if n > {t}:\n        {t} = n", _EACH_NUMBER + " (set {t} to|update {t} with) the number if it is (greater|larger) than {t}", 1.5),
        ("{x}[0]", "for n in {x}:\n    if n < {t}:\n        {t} = n", _EACH_NUMBER + " (set {t} to|update {t} with) the number if it is (less|smaller) than {t}", 1),
        ("[]", "for i, n in enumerate({x}):\n    {t}.append(n * i)", _EACH_NUMBER + " append (it|the number) times its index to {t}", 0.7),
    ]  # fmt: skip
    for c in NUMBER_CONDITIONS:
        test = c.test.replace("{n}", "n")
        adjective = f"(if it is {c.before})" if c.before else f"(if it is {_is(c.test)})"
        if not c.before and not _is(c.test):
            continue
        loops += [
            ("0", f"for n in {{x}}:\n    if {test}:\n        {{t}} += n", f"{_EACH_NUMBER} add (it|the (number|element)) to {{t}} {adjective}", 0.6),
            ("0", f"for n in {{x}}:\n    if {test}:\n        {{t}} += 1", f"{_EACH_NUMBER} (increase|increment) {{t}} (by (1|one) |){adjective}", 0.6),
            ("[]", f"for n in {{x}}:\n    if {test}:\n        {{t}}.append(n)", f"{_EACH_NUMBER} (append|add) (it|the (number|element)) to {{t}} {adjective}", 0.7),
        ]  # fmt: skip
        if c.before:
            loops += [
                ("0", f"for n in {{x}}:\n    if {test}:\n        {{t}} += n", f"(loop over {{x}} and |)add (each|every) {c.before} (number|element) (of|in) {{x}} to {{t}}", 0.5),
                ("[]", f"for n in {{x}}:\n    if {test}:\n        {{t}}.append(n)", f"(loop over {{x}} and |)append (each|every) {c.before} (number|element) (of|in) {{x}} to {{t}}", 0.5),
            ]  # fmt: skip
    return tuple(loops)


def _is(test: str) -> str:
    return {
        "{n} > {k}": "(greater|larger|bigger) than {k}",
        "{n} < {k}": "(less|smaller) than {k}",
        "{n} >= {k}": "at least {k}",
        "{n} % {k} == 0": "divisible by {k}",
        "{n} != {k}": "not {k}",
    }.get(test, "")


def _word_loops() -> tuple[Loop, ...]:
    loops: list[Loop] = [
        ("0", "for w in {x}:\n    {t} += len(w)", _EACH_WORD + " add its length to {t}", 2),
        ("[]", "for w in {x}:\n    {t}.append(len(w))", _EACH_WORD + " (append|add) its length to {t}", 2),
        ("[]", "for w in {x}:\n    {t}.append(w.upper())", _EACH_WORD + " append it in (upper case|uppercase) to {t}", 1.5),
        ("[]", "for w in {x}:\n    {t}.append(w[::-1])", _EACH_WORD + " append (its reverse|it reversed) to {t}", 1.2),
        ("[]", "for w in {x}:\n    {t}.append(w[0])", _EACH_WORD + " append its first letter to {t}", 1.2),
        ('""', "for w in {x}:\n    {t} += w[0]", _EACH_WORD + " add its first letter to {t}", 1.5),
        ('""', "for w in {x}:\n    {t} += w[-1]", _EACH_WORD + " add its last letter to {t}", 0.8),
        ('""', "for w in {x}:\n    {t} += w", _EACH_WORD + " add it to {t}", 1),
        ("{{}}", "for w in {x}:\n    {t}[w] = len(w)", _EACH_WORD + " (store|put) its length in {t} (under the word|with the word as key|)", 2),
        ("{{}}", "for w in {x}:\n    {t}[w] = {t}.get(w, 0) + 1", _EACH_WORD + " (count it in|increase its count in|add one to its count in) {t}", 2),
        ("[]", "for w in {x}:\n    if w not in {t}:\n        {t}.append(w)", _EACH_WORD + " append it to {t} if it is not (in {t}|there) (yet|already)", 1.2),
    ]  # fmt: skip
    for c in WORD_CONDITIONS[:7]:
        test = c.test.replace("{n}", "w")
        after = {
            0: "longer than {k} letters", 1: "shorter than {k} letters", 2: "exactly {k} letters long",
            3: "at least {k} letters long",
        }  # fmt: skip
        index = WORD_CONDITIONS.index(c)
        condition = (
            f"it is {after[index]}"
            if index in after
            else ("it starts with {c}", "it ends with {c}", "it contains {c}")[index - 4]
        )
        loops += [
            ("0", f"for w in {{x}}:\n    if {test}:\n        {{t}} += 1", f"{_EACH_WORD} (increase|increment) {{t}} (by (1|one) |)if {condition}", 0.5),
            ("[]", f"for w in {{x}}:\n    if {test}:\n        {{t}}.append(w)", f"{_EACH_WORD} (append|add) it to {{t}} if {condition}", 0.5),
        ]  # fmt: skip
    return tuple(loops)


LOOPS: dict[str, tuple[Loop, ...]] = {
    "ints": _number_loops(),
    "strs": _word_loops(),
    "str": (
        ("0", 'for c in {x}:\n    if c in "aeiou":\n        {t} += 1', _EACH_LETTER + " (increase|increment) {t} (by (1|one) |)if it is a vowel", 2),
        ("0", "for c in {x}:\n    if c == {c}:\n        {t} += 1", _EACH_LETTER + " (increase|increment) {t} (by (1|one) |)if it is {c}", 1.5),
        ("0", "for c in {x}:\n    if c.isdigit():\n        {t} += 1", _EACH_LETTER + " (increase|increment) {t} (by (1|one) |)if it is a digit", 1),
        ("0", "for c in {x}:\n    if c.isupper():\n        {t} += 1", _EACH_LETTER + " (increase|increment) {t} (by (1|one) |)if it is (a capital letter|uppercase)", 0.7),
        ("0", "for c in {x}:\n    if c.isdigit():\n        {t} += int(c)", _EACH_LETTER + " add it to {t} if it is a digit", 0.6),
        ('""', "for c in {x}:\n    {t} = c + {t}", _EACH_LETTER + " put it (in front of|before) {t}", 1.5),
        ('""', 'for c in {x}:\n    if c not in "aeiou":\n        {t} += c', _EACH_LETTER + " (add|append) it to {t} (if it is not a vowel|unless it is a vowel)", 1.5),
        ('""', "for c in {x}:\n    if c != {c}:\n        {t} += c", _EACH_LETTER + " (add|append) it to {t} if it is not {c}", 1),
        ('""', "for c in {x}:\n    {t} += c * 2", _EACH_LETTER + " (add|append) it twice to {t}", 1),
        ('""', "for c in {x}:\n    if c not in {t}:\n        {t} += c", _EACH_LETTER + " (add|append) it to {t} if it is not (in {t}|there) (yet|already)", 1),
        ("{{}}", "for c in {x}:\n    {t}[c] = {t}.get(c, 0) + 1", _EACH_LETTER + " (count it in|increase its count in|add one to its count in) {t}", 2.5),
        ("[]", "for c in {x}:\n    {t}.append(c)", _EACH_LETTER + " append it to {t}", 0.7),
        ("[]", "for c in {x}:\n    {t}.append(ord(c))", _EACH_LETTER + " append its (character code|code) to {t}", 0.5),
    ),
    "int": (
        ("0", "for i in range(1, {x} + 1):\n    {t} += i", _COUNT_UP + " add (it|the number|i) to {t}", 2),
        ("0", "for i in range(1, {x} + 1):\n    {t} += i ** 2", _COUNT_UP + " add (its square|the square of i) to {t}", 1),
        ("1", "for i in range(1, {x} + 1):\n    {t} *= i", _COUNT_UP + " multiply {t} by (it|i|the number)", 1.5),
        ("[]", "for i in range(1, {x} + 1):\n    {t}.append(i ** 2)", _COUNT_UP + " append (its square|the square of i) to {t}", 1.5),
        ("[]", "for i in range(1, {x} + 1):\n    {t}.append(i * {k})", _COUNT_UP + " append ({k} times (it|i)|its product with {k}) to {t}", 1),
        ("[]", "for i in range(1, {x} + 1):\n    if {x} % i == 0:\n        {t}.append(i)", _COUNT_UP + " append it to {t} if it divides {x}", 1.2),
        ("0", "for i in range(1, {x} + 1):\n    if i % {k} == 0:\n        {t} += i", _COUNT_UP + " add it to {t} if it is divisible by {k}", 0.8),
        ("0", "for i in range(1, {x} + 1):\n    if i % 2 == 0:\n        {t} += i", _COUNT_UP + " add it to {t} if it is even", 0.8),
        ("{{}}", "for i in range(1, {x} + 1):\n    {t}[i] = i ** 2", _COUNT_UP + " (store|put) its square in {t}", 0.8),
    ),
    "dict": (
        ("0", "for k, v in {x}.items():\n    {t} += v", _EACH_ENTRY + " add (the|its) value to {t}", 2),
        ("[]", "for k, v in {x}.items():\n    if v > {k}:\n        {t}.append(k)", _EACH_ENTRY + " append the key to {t} if the value is (greater|larger) than {k}", 2),
        ("[]", "for k, v in {x}.items():\n    if v < {k}:\n        {t}.append(k)", _EACH_ENTRY + " append the key to {t} if the value is (less|smaller) than {k}", 1),
        ("[]", "for k, v in {x}.items():\n    if v % 2 == 0:\n        {t}.append(k)", _EACH_ENTRY + " append the key to {t} if the value is even", 0.8),
        ("0", "for k, v in {x}.items():\n    if v > {k}:\n        {t} += 1", _EACH_ENTRY + " (increase|increment) {t} (by (1|one) |)if the value is (greater|larger) than {k}", 0.8),
        ("{{}}", "for k, v in {x}.items():\n    {t}[k] = v * 2", _EACH_ENTRY + " (store|put) twice the value in {t} under the same key", 1),
        ("{{}}", "for k, v in {x}.items():\n    {t}[v] = k", _EACH_ENTRY + " (store|put) the key in {t} under the value", 1),
    ),
    "matrix": (
        ("0", "for row in {x}:\n    {t} += sum(row)", "(for (each|every) row (of|in) {x}(,|)|loop over the rows of {x} and) add its sum to {t}", 1),
        ("[]", "for row in {x}:\n    {t}.append(max(row))", "(for (each|every) row (of|in) {x}(,|)|loop over the rows of {x} and) append its (maximum|largest element) to {t}", 1),
        ("[]", "for row in {x}:\n    for n in row:\n        {t}.append(n)", "(for (each|every) row (of|in) {x}(,|)|loop over the rows of {x} and) append all its elements to {t}", 1),
    ),
}  # fmt: skip

TESTS: dict[str, tuple[Choice, ...]] = {
    "int": (
        ("{x} % 2 == 0", "{x} is even", 2),
        ("{x} % 2 != 0", "{x} is odd", 1),
        ("{x} > {k}", "{x} is (greater|larger|bigger) than {k}", 2),
        ("{x} < {k}", "{x} is (less|smaller) than {k}", 1.2),
        ("{x} >= {k}", "{x} is at least {k}", 1),
        ("{x} > 0", "{x} is positive", 1.2),
        ("{x} < 0", "{x} is negative", 0.7),
        ("{x} == {k}", "{x} (equals|is equal to|is) {k}", 0.8),
        ("{x} % {k} == 0", "{x} is (divisible by|a multiple of) {k}", 1.2),
    ),
    "float": (("{x} > {k}", "{x} is (greater|larger) than {k}", 1),),
    "str": (
        ("{x} == {x}[::-1]", "{x} is a palindrome", 1.5),
        ("len({x}) > {k}", "{x} (is longer than {k} (letters|characters)|has more than {k} (letters|characters))", 1.5),
        ("{x}.startswith({c})", "{x} (starts|begins) with {c}", 1),
        ("{x}.endswith({c})", "{x} ends with {c}", 0.8),
        ("{c} in {x}", "{x} contains (the letter |){c}", 1.2),
        ("{w} in {x}", "{x} contains (the word |){w}", 1),
    ),
    "ints": (
        ("len({x}) > {k}", "{x} has more than {k} (elements|numbers|items)", 1.2),
        ("sum({x}) > {k}", "the sum of {x} is (greater|larger) than {k}", 1.5),
        ("{e} in {x}", "({x} contains {e}|{e} is in {x})", 1.5),
        ("{x} == sorted({x})", "{x} is sorted", 1),
        ("sum({x}) % 2 == 0", "the sum of {x} is even", 1),
        ("max({x}) > {k}", "the (maximum|largest (element|number)) of {x} is (greater|larger) than {k}", 1),
    ),
    "strs": (
        ("{m} in {x}", "({x} contains {m}|{m} is in {x})", 1.5),
        ("len({x}) > {k}", "{x} has more than {k} (elements|words|items)", 1),
    ),
    "dict": (
        ("{q} in {x}", "({x} (has|contains) the key {q}|{q} is (in|a key of) {x})", 1.5),
        ("sum({x}.values()) > {k}", "the sum of the values of {x} is (greater|larger) than {k}", 1),
    ),
    "bool": (("{x}", "{x} (is true|is True|holds)", 1),),
}  # fmt: skip

PAIR_TESTS: dict[str, tuple[Choice, ...]] = {
    "int": (
        ("{x} > {y}", "{x} is (greater|larger|bigger) than {y}", 2),
        ("{x} < {y}", "{x} is (less|smaller) than {y}", 1),
        ("{x} == {y}", "{x} (and {y} are equal|equals {y})", 1),
        ("{x} % {y} == 0", "{x} is divisible by {y}", 0.8),
    ),
    "str": (
        ("len({x}) > len({y})", "{x} is longer than {y}", 1.5),
        ("{x} == {y}", "{x} (and {y} are equal|equals {y})", 1),
        ("sorted({x}) == sorted({y})", "{x} and {y} are anagrams", 0.8),
    ),
    "ints": (
        ("sum({x}) > sum({y})", "the sum of {x} is (greater|larger) than the sum of {y}", 1),
        ("len({x}) > len({y})", "{x} (is longer|has more elements) than {y}", 1),
        ("{x} == {y}", "{x} and {y} are equal", 0.7),
    ),
}  # fmt: skip

ANSWERS = (
    ("yes", "no"), ("even", "odd"), ("big", "small"), ("long", "short"), ("true", "false"), ("pass", "fail"),
    ("good", "bad"), ("high", "low"), ("found", "missing"), ("hot", "cold"), ("same", "different"), ("up", "down"),
)  # fmt: skip

DECISIONS = (
    "If {cond}, (set|let) {t} (to|be) {yes}, (otherwise|else) (to |set it to |){no}",
    "If {cond}, (assign|store) {yes} (to|in) {t}, (otherwise|else) (assign |store |){no}",
    "Set {t} to {yes} if {cond} (and to {no} otherwise|, otherwise to {no}|and to {no} if not)",
    "(Create|Define) (a variable |){t} that is {yes} if {cond} and {no} otherwise",
)
PRINT_DECISIONS = (
    "Print {yes} if {cond}(, otherwise|, else|, otherwise print) {no}",
    "If {cond}, print {yes}, (otherwise|else) (print |){no}",
    "(Print|Show|Display) {yes} if {cond} and {no} otherwise",
)


def draw(choices: tuple[Choice, ...], rng: random.Random) -> tuple[str, str]:
    """Code and phrase of one of the choices."""
    code, phrase, _ = rng.choices(choices, [weight for _, _, weight in choices])[0]
    return code, phrase


def draw_loop(kind: str, rng: random.Random) -> tuple[str, str, str]:
    """Start of the target, code and phrase of a loop over something of this kind."""
    start, code, phrase, _ = rng.choices(LOOPS[kind], [loop[3] for loop in LOOPS[kind]])[0]
    return start, code, phrase
