"""Scores a run's prompts: their likelihood under its model, given the history before each.

    mtpb perplexity results/starter/RUN
    mtpb perplexity run=results/mtpb/RUN

Writes RUN/perplexity.jsonl (`mtpb.rundir.prompt_scores`), a line for the first sample of each case.
Existing lines are kept, so that the same command resumes after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from benchmarks import Protocol
from mtpb.cli.application import application
from mtpb.cli.ending import errors_in
from mtpb.config import PerplexityConfig, RunConfig, model_schema, read_config
from mtpb.errors import UsageError
from mtpb.rundir.prompt_scores import FILE, PromptScore, prompt_scores
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunDirectory, drop_unfinished_line
from mtpb.running.plan import make_plan
from mtpb.samplers.builtin.backend import BuiltinBackend

Score = Callable[[str, str], Sequence[float]]  # context, text -> log-probabilities of its tokens


@application("perplexity", PerplexityConfig)
def main(config: PerplexityConfig) -> int:
    run = RunDirectory(Path(config.run))
    with errors_in(run.path):
        score_prompts(run)
    print(run.path / FILE)
    return 0


def score_prompts(run: RunDirectory) -> None:
    """Computes the missing scores and appends them to the run's file."""
    plan = make_plan(run_config(run))
    if not isinstance(plan.backend, BuiltinBackend):
        raise UsageError(f"run={run.path}: only the built-in engine tells prompts' likelihoods")
    kept = {score.key for score in prompt_scores(run)}
    missing = [s for s in run.samples() if s.sample == 0 and s.key not in kept and s.turns]
    if not missing:
        return
    engine = plan.backend.load()
    drop_unfinished_line(run.path / FILE)
    with (run.path / FILE).open("a", encoding="utf-8") as file:
        for sample in missing:
            score = prompt_score(sample, plan.evaluation.benchmark.protocol, engine.score)
            file.write(f"{score.to_json()}\n")
            file.flush()


def run_config(run: RunDirectory) -> RunConfig:
    """The configuration of a run. Raises UsageError for imported samples."""
    kept = read_config(run.path / "config.yaml")
    if "model" not in kept:
        raise UsageError(f"run={run.path}: its samples were written elsewhere, by no model of ours")
    model = model_schema(map(str, kept.model))
    schema = OmegaConf.structured(RunConfig(model=model()))
    config = OmegaConf.to_object(OmegaConf.merge(schema, kept))
    assert isinstance(config, RunConfig)
    return config


def prompt_score(sample: Sample, protocol: Protocol, score: Score) -> PromptScore:
    """The likelihood of a conversation's prompts, each given the history before it."""
    history, logprobs = protocol.preamble, list[float]()
    for turn in sample.turns:
        logprobs += score(history, protocol.wrap(turn.prompt))
        history += protocol.turn(turn.prompt, turn.text)
    return PromptScore(*sample.key, len(logprobs), round(-sum(logprobs), 6))


if __name__ == "__main__":
    main()
