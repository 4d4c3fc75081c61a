"""The fork server's process: layers of isolation, forks, limits of time, the scratch directory.

Trusted. It never sees a program's text, an expected value or anything that a program wrote but
its output, and knows nothing of the pool beyond the control socket.
"""
