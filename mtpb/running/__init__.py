"""From a configuration to samples and verdicts: plan, conversations, generation, judging.

Must not know reports and comparisons. Only `generate` imports torch at its top.
"""
