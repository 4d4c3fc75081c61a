"""What runs in the program's own process, after the fork. Untrusted once the program has begun.

It executes the program and its harness, and answers the calls of a test. It must not know the
test, an expected value, or another program.
"""
