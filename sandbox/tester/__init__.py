"""The tester's process: trusted tests, which call a program's functions over a link.

Every byte from the program is hostile and is read within budgets. The tester never executes a
program's text, and knows nothing of the pool beyond the control socket.
"""
