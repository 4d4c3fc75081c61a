"""Lines of JSON to problems: a module a form of records.

Must not know where the lines come from, nor how programs are run.
"""
