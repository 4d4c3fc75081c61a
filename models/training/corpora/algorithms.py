# ruff: noqa: E501
"""Functions that need more than one expression: loops, tests, several steps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A function body over parameters `{x}`, `{y}`, with the phrases that ask for it (see `skills`)."""

    takes: tuple[str, ...]
    gives: str
    name: str
    body: str
    nouns: tuple[str, ...]


def _algorithm(signature: str, name: str, nouns: str, body: str) -> Algorithm:
    takes, gives = signature.split(" > ")
    phrases = tuple(p.strip() for p in nouns.split(";"))
    return Algorithm(tuple(takes.split()), gives, name, body.strip("\n"), phrases)


ALGORITHMS = (
    _algorithm("int > int", "factorial", "the factorial of {x}; {x} factorial", """
result = 1
for i in range(1, {x} + 1):
    result *= i
return result
"""),
    _algorithm("int > int", "fibonacci", "the {x}-th Fibonacci number; the Fibonacci number (with index|at position) {x}; the n-th Fibonacci number for {x}", """
a, b = 0, 1
for i in range({x}):
    a, b = b, a + b
return a
"""),
    _algorithm("int > ints", "fibonacci_list", "(a|the) list of the first {x} Fibonacci numbers; the first {x} Fibonacci numbers", """
result = []
a, b = 0, 1
for i in range({x}):
    result.append(a)
    a, b = b, a + b
return result
"""),
    _algorithm("int > bool", "is_prime", "whether {x} is (prime|a prime number|a prime); (True|true) if {x} is (prime|a prime number) (and|or) (False|false) otherwise", """
if {x} < 2:
    return False
for i in range(2, {x}):
    if {x} % i == 0:
        return False
return True
"""),
    _algorithm("int > int", "collatz_steps", "the number of (Collatz |)steps (that |){x} (needs|takes) to reach 1; how many Collatz steps {x} needs to reach 1", """
steps = 0
while {x} > 1:
    if {x} % 2 == 0:
        {x} = {x} // 2
    else:
        {x} = 3 * {x} + 1
    steps += 1
return steps
"""),
    _algorithm("int > ints", "collatz", "the Collatz sequence (of|from|starting at|that starts with) {x} (down to 1|)", """
result = [{x}]
while {x} > 1:
    if {x} % 2 == 0:
        {x} = {x} // 2
    else:
        {x} = 3 * {x} + 1
    result.append({x})
return result
"""),
    _algorithm("int int > int", "gcd", "the greatest common divisor of {x} and {y}; the (gcd|GCD) of {x} and {y}", """
while {y} != 0:
    {x}, {y} = {y}, {x} % {y}
return {x}
"""),
    _algorithm("int int > int", "power", "{x} (raised |)to the power of {y}", """
result = 1
for i in range({y}):
    result *= {x}
return result
"""),
    _algorithm("int > int", "sum_of_digits", "the sum of the digits of {x}", """
total = 0
while {x} > 0:
    total += {x} % 10
    {x} = {x} // 10
return total
"""),
    _algorithm("int > ints", "prime_factors", "the prime factors of {x}; (a|the) list of the prime factors of {x}", """
result = []
p = 2
while {x} > 1:
    while {x} % p == 0:
        result.append(p)
        {x} = {x} // p
    p += 1
return result
"""),
    _algorithm("int > str", "to_binary", "the binary (representation|form|string) of {x}; {x} in binary", """
result = ""
while {x} > 0:
    result = str({x} % 2) + result
    {x} = {x} // 2
return result
"""),
    _algorithm("int > bool", "is_perfect", "whether {x} is (perfect|a perfect number); whether {x} (equals|is equal to) the sum of its proper divisors", """
total = 0
for i in range(1, {x}):
    if {x} % i == 0:
        total += i
return total == {x}
"""),
    _algorithm("int > str", "sign", "the sign of {x} as a word; 'positive', 'negative' or 'zero' (depending on|according to|for) {x}", """
if {x} > 0:
    return "positive"
if {x} < 0:
    return "negative"
return "zero"
"""),
    _algorithm("int > str", "grade", "the (letter |)grade for (a score of |){x}; the grade of {x}", """
if {x} >= 90:
    return "A"
if {x} >= 80:
    return "B"
if {x} >= 70:
    return "C"
return "F"
"""),
    _algorithm("ints > int", "sum_list", "the sum of {x}; the sum of (all |)(the |)(elements|numbers) (in|of) {x}", """
total = 0
for n in {x}:
    total += n
return total
"""),
    _algorithm("ints > int", "largest", "the (largest|biggest|maximum) (element|number) (in|of) {x}", """
best = {x}[0]
for n in {x}:
    if n > best:
        best = n
return best
"""),
    _algorithm("ints > ints", "running_max", "the running maximum of {x}; (a list of |)the largest (element|number) so far (for|at) (each|every) position (of|in) {x}", """
result = []
best = {x}[0]
for n in {x}:
    best = max(best, n)
    result.append(best)
return result
"""),
    _algorithm("ints > ints", "running_sum", "the running (sum|sums|total|totals) of {x}; the cumulative (sum|sums) of {x}", """
result = []
total = 0
for n in {x}:
    total += n
    result.append(total)
return result
"""),
    _algorithm("ints > ints", "bubble_sort", "the (elements|numbers) (in|of) {x} sorted with bubble sort; {x} sorted (with|by) bubble sort", """
for i in range(len({x})):
    for j in range(len({x}) - 1):
        if {x}[j] > {x}[j + 1]:
            {x}[j], {x}[j + 1] = {x}[j + 1], {x}[j]
return {x}
"""),
    _algorithm("ints > int", "best_profit", "the (largest|best|maximum) profit from buying and then selling at the prices (in|of) {x}; the largest difference between a later and an earlier (element|number) of {x}", """
best = 0
low = {x}[0]
for n in {x}:
    low = min(low, n)
    best = max(best, n - low)
return best
"""),
    _algorithm("ints > int", "max_subarray", "the largest sum of (a contiguous part|consecutive elements|a contiguous sublist|a contiguous subarray) of {x}; the maximum (subarray|contiguous) sum of {x}", """
best = {x}[0]
total = 0
for n in {x}:
    total = max(total + n, n)
    best = max(best, total)
return best
"""),
    _algorithm("ints > int", "longest_run", "the length of the longest run of equal (elements|numbers) in {x}", """
best = 0
count = 0
last = None
for n in {x}:
    count = count + 1 if n == last else 1
    best = max(best, count)
    last = n
return best
"""),
    _algorithm("ints > int", "count_increases", "how often (a|an) (element|number) of {x} is (larger|greater) than the one before; the number of (times the value increases|increases) in {x}", """
count = 0
for a, b in zip({x}, {x}[1:]):
    if b > a:
        count += 1
return count
"""),
    _algorithm("ints int > bool", "has_pair", "whether two (different |)(elements|numbers) (of|in) {x} (add up|sum) to {y}; whether {x} has two (elements|numbers) whose sum is {y}", """
for i in range(len({x})):
    for j in range(i + 1, len({x})):
        if {x}[i] + {x}[j] == {y}:
            return True
return False
"""),
    _algorithm("ints int > ints", "two_sum", "the indices of (the |)two (elements|numbers) (of|in) {x} (that add up to|whose sum is) {y}", """
for i in range(len({x})):
    for j in range(i + 1, len({x})):
        if {x}[i] + {x}[j] == {y}:
            return [i, j]
return []
"""),
    _algorithm("ints int > int", "binary_search", "the (index|position) of {y} in the sorted list {x} (found |)by binary search; the index of {y} in the sorted list {x} or -1 if it is not there", """
low, high = 0, len({x}) - 1
while low <= high:
    middle = (low + high) // 2
    if {x}[middle] == {y}:
        return middle
    if {x}[middle] < {y}:
        low = middle + 1
    else:
        high = middle - 1
return -1
"""),
    _algorithm("ints int > int", "linear_search", "the (index|position) of {y} in {x} or -1 if it is not (there|in the list|found); the (index|position) of {y} in {x}, or -1", """
for i, n in enumerate({x}):
    if n == {y}:
        return i
return -1
"""),
    _algorithm("ints ints > ints", "merge", "the sorted (lists|lists of numbers) {x} and {y} merged into one sorted list; the (merge|merger) of the sorted lists {x} and {y}", """
result = []
i, j = 0, 0
while i < len({x}) and j < len({y}):
    if {x}[i] <= {y}[j]:
        result.append({x}[i])
        i += 1
    else:
        result.append({y}[j])
        j += 1
return result + {x}[i:] + {y}[j:]
"""),
    _algorithm("str > str", "run_length", "the run-length (code|encoding) of {x}; {x} (compressed|encoded) with run-length encoding; each run of equal letters in {x} as the letter and its count", """
result = ""
i = 0
while i < len({x}):
    j = i
    while j < len({x}) and {x}[j] == {x}[i]:
        j += 1
    result += {x}[i] + str(j - i)
    i = j
return result
"""),
    _algorithm("str > int", "count_vowels", "the number of vowels (in|of) {x}; how many vowels {x} has", """
count = 0
for c in {x}:
    if c.lower() in "aeiou":
        count += 1
return count
"""),
    _algorithm("str > bool", "is_palindrome", "whether {x} is a palindrome (ignoring case and spaces|when case and spaces are ignored)", """
letters = {x}.lower().replace(" ", "")
return letters == letters[::-1]
"""),
    _algorithm("str > bool", "is_balanced", "whether the (brackets|parentheses) (in|of) {x} are balanced; whether {x} has balanced (parentheses|brackets)", """
depth = 0
for c in {x}:
    if c == "(":
        depth += 1
    if c == ")":
        depth -= 1
    if depth < 0:
        return False
return depth == 0
"""),
    _algorithm("str int > str", "caesar", "{x} (encoded|encrypted) with a Caesar (cipher|shift) of {y}; {x} with (each|every) letter shifted by {y} (in the alphabet|)", """
result = ""
for c in {x}:
    if c.isalpha():
        result += chr((ord(c) - 97 + {y}) % 26 + 97)
    else:
        result += c
return result
"""),
    _algorithm("str > dict", "count_letters", "a dictionary with the number of occurrences of (each|every) (letter|character) (in|of) {x}; the letter counts of {x} (as a dictionary|)", """
counts = {}
for c in {x}:
    counts[c] = counts.get(c, 0) + 1
return counts
"""),
    _algorithm("strs > dict", "count_words", "a dictionary with the number of occurrences of (each|every) word (in|of) {x}; the word counts of {x} (as a dictionary|)", """
counts = {}
for w in {x}:
    counts[w] = counts.get(w, 0) + 1
return counts
"""),
    _algorithm("strs > dict", "group_by_length", "a dictionary from (lengths|word lengths) to the (lists of |)words of {x} (with|of) that length; the words (in|of) {x} grouped by (their |)length", """
groups = {}
for w in {x}:
    groups.setdefault(len(w), []).append(w)
return groups
"""),
    _algorithm("strs > dict", "group_by_letter", "a dictionary from first letters to the words of {x} (that start with it|with that letter); the words (in|of) {x} grouped by (their |)first letter", """
groups = {}
for w in {x}:
    groups.setdefault(w[0], []).append(w)
return groups
"""),
    _algorithm("strs > str", "common_prefix", "the longest common prefix of (the words (in|of) |){x}", """
prefix = {x}[0]
for w in {x}:
    while not w.startswith(prefix):
        prefix = prefix[:-1]
return prefix
"""),
    _algorithm("str str > bool", "is_subsequence", "whether {x} is a subsequence of {y}", """
i = 0
for c in {y}:
    if i < len({x}) and c == {x}[i]:
        i += 1
return i == len({x})
"""),
)  # fmt: skip
