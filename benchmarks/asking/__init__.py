"""How suites are asked other than by texts to continue: messages of a chat, and feedback.

Wording and rules only, hashed into a run's identity. Must not know problems or samples.
"""
