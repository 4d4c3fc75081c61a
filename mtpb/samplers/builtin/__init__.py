"""CodeGen through the engine that comes along.

Must not import torch before `open`: a run that has nothing left to do ends without it.
"""
