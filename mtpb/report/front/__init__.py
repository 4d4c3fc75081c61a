"""What a report begins with: the leaderboard, and every run with its settings.

Must not know how tables and figures are shown.
"""
