"""The report's page of runs that go on: `pages` makes it, `server` serves it on loopback.

Must not know how runs are made, nor how a report is.
"""
