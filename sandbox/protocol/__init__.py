"""The ground floor: frames, the table of messages, and the forms in which values cross.

Imported by every process of a sandboxed run. It must not know what any of them does.
"""
