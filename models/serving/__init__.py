"""The completions server around the engine: requests, the engine's thread, answers, HTTP.

Knows the engine and the tokenizer, not checkpoints: `models.serve` loads what is served.
Only `app` needs Starlette; nothing here needs uvicorn.
"""
