"""The engine's contract: tokens that do not depend on other dialogues, and are a plain loop's."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stopping import humaneval_stop, mtpb_stop
from models.config import CodeGenConfig, ModelError
from models.engine import memory
from models.engine.cpu.products import onednn_computes
from models.engine.dialogue import Finish, StopRule
from models.engine.engine import Engine, StreamedText, perplexity
from models.engine.memory import cache_bytes
from models.engine.options import EngineOptions, Sampling, default_cache_tokens
from models.engine.pages import PAGE
from models.engine.runner import Runner
from models.engine.scheduler import Row
from models.transformer import Transformer
from tests.conftest import DEVICE
from tests.models.engine.talk import CONFIG, Bytes, Talk, answers, model_of, talks
from tests.models.theirs import transformers_of

GREEDY = Sampling(temperature=0)
DTYPES = ["float32", "bfloat16", *([] if DEVICE == "cpu" else ["float16"])]  # that it computes in
BFLOAT16_PRODUCTS = onednn_computes(torch.bfloat16)
NO_BFLOAT16_PRODUCTS = "no CPU whose oneDNN multiplies bfloat16"


@pytest.fixture(scope="module", params=[*DTYPES, "bfloat16 products"])
def model(request: pytest.FixtureRequest) -> Iterator[Transformer]:
    """The last as with AMX; processors with AVX-512 compute it too, but more slowly."""
    dtype, _, products = request.param.partition(" ")
    if products and (DEVICE != "cpu" or not BFLOAT16_PRODUCTS):
        pytest.skip(NO_BFLOAT16_PRODUCTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.dtype.has_amx", lambda: bool(products))
        yield model_of().to(getattr(torch, dtype))


@pytest.fixture(scope="module")
def expected(model: Transformer) -> dict[int, Talk]:
    return answers(model, talks())


def test_order_of_dialogues_does_not_matter(model: Transformer, expected: dict[int, Talk]) -> None:
    assert answers(model, talks()[::-1]) == expected


@pytest.mark.parametrize("shard", range(3))
def test_shards_together_say_the_same(
    model: Transformer, expected: dict[int, Talk], shard: int
) -> None:
    part = talks()[shard::3]
    assert answers(model, part) == {talk.key: expected[talk.key] for talk in part}


def test_one_sample_alone_is_one_among_its_group(
    model: Transformer, expected: dict[int, Talk]
) -> None:
    for key in (1, 5, 14):
        assert answers(model, [talks()[key]]) == {key: expected[key]}


def test_identical_sequences_are_computed_once_until_they_diverge() -> None:
    """Except the first, which computes the prompt for all, and is a token ahead of the others."""
    model, often_alike = model_of(), Sampling(temperature=0.15)
    engine = Engine(model, Bytes(), EngineOptions(slots=8, cache_tokens=1024), often_alike)
    computed: list[int] = []
    compute = engine._runner.logits
    engine._runner.logits = lambda rows, wanted: computed.append(len(rows)) or compute(rows, wanted)
    together = {
        talk.key: talk for talk in engine.run(Talk(k, ("def f(x):\n",), 12) for k in range(8))
    }
    spoken = [tuple(together[key].said[0].token_ids) for key in range(8)]
    paths = [{said[:n] for n in range(len(said))} for said in spoken]
    others = set().union(*paths[1:])
    assert len(others) < sum(map(len, paths[1:])), "no sequences are identical"
    assert sum(computed) == len("def f(x):") + len(paths[0]) + len(others)
    for key, talk in together.items():
        assert answers(model, [Talk(key, talk.prompts, 12)], sampling=often_alike)[key] == talk


@pytest.mark.parametrize("cut", [3, 11])
def test_a_restart_changes_nothing(model: Transformer, expected: dict[int, Talk], cut: int) -> None:
    engine = Engine(model, Bytes(), EngineOptions(slots=8), Sampling(0.9, 0.95))
    running = engine.run(talks())
    before = {talk.key: talk for talk in (next(running) for _ in range(cut))}
    after = answers(model, [talk for talk in talks() if talk.key not in before])
    assert before | after == expected


@pytest.mark.parametrize("slots", [1, 3, 40])
def test_deterministic_does_not_depend_on_slots(model: Transformer, slots: int) -> None:
    eight = answers(model, talks(), EngineOptions(slots=8, deterministic=True))
    assert answers(model, talks(), EngineOptions(slots=slots, deterministic=True)) == eight


def test_little_cache_changes_nothing(model: Transformer, expected: dict[int, Talk]) -> None:
    options = EngineOptions(slots=8, cache_tokens=CONFIG.n_positions)
    assert answers(model, talks(), options) == expected


@pytest.mark.parametrize(
    "config",
    [
        CodeGenConfig(260, 192, 1, 64, 4, 8, n_inner=500),  # threads meet within a row
        CodeGenConfig(12800, 2048, 1, 1024, 16, 32),  # 350M, one layer and a part of the head
    ],
    ids=["odd", "350M"],
)
def test_threads_do_not_matter(config: CodeGenConfig) -> None:
    runner = Runner(model_of(config, device="cpu"), 80, 16)
    rows = [Row(n, n % 32, (n + 1,)) for n in range(70)]
    before, logits = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            logits.append(runner.logits(rows, range(70)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(logits[0], other) for other in logits)


@pytest.mark.skipif(not BFLOAT16_PRODUCTS, reason=NO_BFLOAT16_PRODUCTS)
def test_bfloat16_products_are_near_and_take_half_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, rows = model_of(device="cpu").bfloat16(), [Row(n, n, (1,)) for n in range(PAGE)]
    monkeypatch.setattr("models.dtype.has_amx", lambda: False)
    exact = Runner(model, 2, 16)
    monkeypatch.setattr("models.dtype.has_amx", lambda: True)
    rounded = Runner(model, 2, 16)
    assert exact.model.head.weight.dtype == torch.float32
    assert rounded.model.head.weight.dtype == torch.bfloat16
    logits_NV, near_NV = exact.logits(rows, range(PAGE)), rounded.logits(rows, range(PAGE))
    assert not torch.equal(logits_NV, near_NV)
    assert (logits_NV - near_NV).std() < 0.02 * logits_NV.std()
    assert Runner(model_of(device="cpu"), 2, 16).model.head.weight.dtype == torch.float32


def test_a_turn_with_its_cache_is_a_turn_from_nothing(
    model: Transformer, expected: dict[int, Talk]
) -> None:
    for key in (2, 5, 14):
        talk = expected[key]
        again = Talk(key, talk.prompts, talk.max_new_tokens, said=talk.said[:-1])
        assert answers(model, [again])[key].said == talk.said


@pytest.mark.parametrize("dtype", DTYPES)
@torch.no_grad()
def test_greedy_tokens_are_those_of_transformers(dtype: str) -> None:
    """Or tie with them: computed exactly, the logits of both tokens differ by no more than twice
    the error that rounding makes in theirs, in the same dtype and on the same device."""
    ours = model_of().to(getattr(torch, dtype))
    theirs, exact = transformers_of(ours), transformers_of(copy.deepcopy(ours).double())
    rounding, gaps = 0.0, []
    for talk in answers(ours, talks(12), sampling=GREEDY).values():
        text = ""
        for prompt, completion in zip(talk.prompts, talk.said, strict=True):
            tokens = list(completion.token_ids)
            ids = torch.tensor([[*Bytes().encode(text + prompt), *tokens]], device=DEVICE)
            text += prompt + completion.text
            their_TV = theirs(ids).logits[0, -len(tokens) - 1 : -1].double()
            exact_TV = exact(ids).logits[0, -len(tokens) - 1 : -1]
            rounding = max(rounding, float((their_TV - exact_TV).abs().max()))
            token_T1 = torch.tensor(tokens, device=DEVICE)[:, None]
            best_T1 = their_TV.argmax(-1, keepdim=True)
            gaps += (exact_TV.gather(1, best_T1) - exact_TV.gather(1, token_T1)).abs().tolist()
    assert max(gaps)[0] <= 2 * rounding


def log_probabilities_after(start: int, model: Transformer, ids: list[int]) -> list[float]:
    """Those of the tokens from `start` on."""
    ids_T = torch.tensor(ids, device=DEVICE)
    logprobs_TV = model(ids_T[None])[0].log_softmax(-1)
    return logprobs_TV[start - 1 : -1].gather(1, ids_T[start:, None]).flatten().tolist()


def test_logprobs_and_scores_are_the_models() -> None:
    model = model_of()
    options = EngineOptions(slots=4, logprobs=True)
    talk = answers(model, [Talk(1, ("def f", " and g"))], options)[1]
    completion = talk.said[0]
    ids = [*Bytes().encode("def f"), *completion.token_ids]
    wanted = log_probabilities_after(5, model, ids)
    assert completion.logprobs == pytest.approx(wanted, abs=1e-4)
    scored = Engine(model, Bytes(), EngineOptions(slots=4)).score("def f", " + 1")
    ids = Bytes().encode("def f + 1")
    wanted = log_probabilities_after(5, model, ids)
    assert scored == pytest.approx(wanted, abs=1e-4)
    assert perplexity(scored) == pytest.approx(math.exp(-sum(wanted) / 4), rel=1e-4)


def test_score_of_a_long_text_crosses_steps() -> None:
    model, text = model_of(), "x" * (CONFIG.n_positions - 20)
    scored = Engine(model, Bytes(), EngineOptions(slots=2)).score("some context", text)
    assert len(scored) == len(text)
    with pytest.raises(ModelError, match="context is 192"):
        Engine(model, Bytes(), EngineOptions(slots=2)).score("some context", text * 2)


def test_a_full_context_ends_the_conversation() -> None:
    long = "y" * (CONFIG.n_positions - 3)
    talk = answers(model_of(), [Talk(1, (long, "z", "z"), max_new_tokens=5)])[1]
    assert [len(c.token_ids) for c in talk.said[1:]] == [0, 0]
    assert [c.finish for c in talk.said] == [Finish.context] * 3
    assert len(talk.said[0].token_ids) == 3


def test_max_new_tokens_at_the_contexts_end_is_length() -> None:
    long = "y" * (CONFIG.n_positions - 3)
    assert answers(model_of(), [Talk(1, (long,), 3)])[1].said[0].finish is Finish.length


def test_end_of_text_is_counted_but_not_said() -> None:
    model = model_of()
    with torch.no_grad():
        model.head.bias[CONFIG.eos_token_id] = 100.0  # type: ignore[index, operator, union-attr]
    completion = answers(model, [Talk(1, ("a",))])[1].said[0]
    assert completion.token_ids == (CONFIG.eos_token_id,)
    assert (completion.text, completion.finish) == ("", Finish.eos)


def test_a_stop_rule_ends_the_row_at_once() -> None:
    whole = answers(model_of(), [Talk(3, ("a",), 60)])[3].said[0]
    sign = whole.text[10]
    talk = Talk(3, ("a",), 60, stop=lambda text: text.find(sign) if sign in text else None)
    completion = answers(model_of(), [talk])[3].said[0]
    assert completion.finish is Finish.stop
    assert completion.text.endswith(sign)
    assert completion.text.count(sign) == 1
    assert whole.text.startswith(completion.text)


TRAPS = """print(1)|print|def f():|    return 1|# note|'''|\"\"\"|||class A:|if x:|<|endoftext|>|\
é ← 🎉|\tprint(x)|x = '#'|\r|\f# a|import x"""
LINES = st.sampled_from(TRAPS.split("|"))


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(LINES, max_size=12),
    rule=st.sampled_from([mtpb_stop, humaneval_stop]),
    sizes=st.lists(st.integers(1, 6), min_size=1),
)
def test_stopping_early_loses_nothing(lines: list[str], rule: StopRule, sizes: list[int]) -> None:
    text = "\n".join(lines)
    content, streamed, tokens = text.encode(), StreamedText(rule), 0
    at = 0
    while at < len(content) and not streamed.stopped:
        size = sizes[tokens % len(sizes)]
        streamed.append(content[at : at + size])
        at, tokens = at + size, tokens + 1
    whole = streamed.finish()
    assert whole[: rule(whole)] == text[: rule(text)]


def test_dialogues_are_taken_as_there_is_room_and_handed_on_at_once() -> None:
    taken = 0

    def source() -> Iterator[Talk]:
        nonlocal taken
        for talk in talks():
            taken += 1
            yield talk

    engine = Engine(model_of(), Bytes(), EngineOptions(slots=4))
    for finished, _ in enumerate(engine.run(source())):
        assert taken <= finished + 1 + 2 * 4
    assert taken == 16


def test_tokens_are_counted() -> None:
    engine = Engine(model_of(), Bytes(), EngineOptions(slots=4))
    done = list(engine.run(talks(6)))
    assert engine.stats.tokens == sum(len(c.token_ids) for talk in done for c in talk.said)
    assert engine.stats.seconds > 0


def test_too_little_memory_is_one_error_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(device="cpu")
    weights = 4 * sum(p.numel() for n, p in model.named_parameters() if "embed" not in n)
    free = weights + cache_bytes(CONFIG, default_cache_tokens(CONFIG, 10), 4)
    monkeypatch.setattr("models.engine.memory.available", lambda device: free)
    with pytest.raises(ModelError, match=r"slots=64: .* room for (\d+) slots") as caught:
        Engine(model, Bytes(), EngineOptions(slots=64))
    fitting = int(str(caught.value).split("room for ")[1].split()[0])
    assert fitting >= 10
    Engine(model, Bytes(), EngineOptions(slots=fitting))
    with pytest.raises(ModelError, match=r"cache_tokens=100000: .* room for (\d+)$") as caught:
        Engine(model, Bytes(), EngineOptions(slots=1, cache_tokens=100_000))
    tokens = int(str(caught.value).split("room for ")[1])
    Engine(model, Bytes(), EngineOptions(slots=1, cache_tokens=tokens))
    monkeypatch.setattr("models.engine.memory.available", lambda device: weights)
    with pytest.raises(ModelError, match=r"slots=1: .* packed weights .* free some"):
        Engine(model, Bytes(), EngineOptions(slots=1))


def test_slots_that_fit_on_a_gpu_have_room_to_draw_and_to_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, gpu = CodeGenConfig(), torch.device("cuda")
    monkeypatch.setattr("models.engine.memory.available", lambda device: 8 << 30)
    with pytest.raises(ModelError, match=r"slots=100000: .* room for (\d+) slots$") as caught:
        memory.check(config, gpu, torch.float16, 100_000)
    fitting = int(str(caught.value).split("room for ")[1].split()[0])
    memory.check(config, gpu, torch.float16, fitting)
    with pytest.raises(ModelError, match=f"room for {fitting} slots$"):
        memory.check(config, gpu, torch.float16, fitting + 1)
    cache = cache_bytes(config, default_cache_tokens(config, fitting), 2)
    assert cache + memory.drawing_bytes(config, gpu, fitting) < 7 << 30


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_numbers_that_are_not_finite_are_one_error(temperature: float) -> None:
    broken = model_of()
    with torch.no_grad():
        broken.blocks[1].mlp.up.weight[3, 5] = torch.nan  # type: ignore[index, union-attr]
    with pytest.raises(ModelError, match=r"dtype=float32: .* not finite; check its weights$"):
        answers(broken, talks(2), sampling=Sampling(temperature))


def test_an_empty_prompt_has_an_answer() -> None:
    assert len(answers(model_of(), [Talk(1, ("",))])[1].said[0].token_ids) > 0


def test_wide_heads_and_odd_widths_agree_as_well() -> None:
    model = model_of(CodeGenConfig(259, 96, 2, 40, 4, 6, n_inner=50, eos_token_id=258))
    few = answers(model, talks(8), EngineOptions(slots=3, deterministic=True))
    assert answers(model, talks(8), EngineOptions(slots=8, deterministic=True)) == few
