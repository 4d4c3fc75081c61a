"""The harness: configuration, conversations, judging, storage, metrics and reports."""
