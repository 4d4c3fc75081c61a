"""Models behind OpenAI-compatible servers, asked through the official client.

Must not write a key anywhere: what goes into messages or files has passed `credentials.redacted`.
"""
