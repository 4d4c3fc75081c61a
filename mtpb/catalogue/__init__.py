"""What there is to choose from: the commands `mtpb models` and `mtpb benchmarks`.

Must not know how models are loaded or suites are run; asks no network and imports no torch.
"""
