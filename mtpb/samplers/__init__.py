"""Who answers the conversations: the built-in engine, an OpenAI-compatible server, transformers.

Must not know benchmarks, conversations, the sandbox or run directories' files: only requests,
answers, and what a manifest says of a model.
"""
