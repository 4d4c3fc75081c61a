"""Attention over pages: a row's bits are right, whichever rows share its pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.config import CodeGenConfig
from models.engine.cpu import attention
from models.engine.cpu.attention import AttentionPlan, CPUPagedKVCache, padded
from models.engine.pages import PAGE
from models.engine.scheduler import Row

CONFIG = CodeGenConfig(50, 2048, 1, 64, 4, 8)  # 4 heads of 16 dimensions
Families = list[tuple[int, list[int]]]  # pages that a family shares, and each row's own


def rows_of(families: Families) -> list[Row]:
    rows, page = [], 1
    for shared, owns in families:
        common, page = range(page, page + shared), page + shared
        for own in owns:
            pages = (*common, *range(page, page + own))
            rows.append(Row(0, len(pages) * PAGE - 1 - len(rows) % PAGE, pages))
            page += own
    return rows


def filled(rows: Sequence[Row]) -> CPUPagedKVCache:
    paged = CPUPagedKVCache(CONFIG, max(page for row in rows for page in row.pages), len(rows))
    generator = torch.Generator().manual_seed(7)
    for table in (*paged.keys, *paged.values):
        table.normal_(generator=generator)
    return paged


def attended(paged: CPUPagedKVCache, rows: Sequence[Row]) -> tuple[AttentionPlan, Tensor]:
    generator = torch.Generator().manual_seed(8)
    everyone = torch.randn(3, 2000, CONFIG.n_head, CONFIG.head_dim, generator=generator)
    step = AttentionPlan(paged, rows)
    mine = [rows[n].pages[-1] for n in step.order]  # a row's own numbers: its last page is its own
    out_NHD = torch.empty(len(rows), CONFIG.n_head, CONFIG.head_dim)
    out_NHD[torch.tensor(step.order)] = step.attend(0, *everyone[:, mine])
    return step, out_NHD


families = st.lists(
    st.tuples(
        st.sampled_from([0, 3, 4, 5, 11, 12, 13, 24, 27]),
        st.lists(st.sampled_from([1, 1, 1, 2, 3, 14]), min_size=1, max_size=24),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(families)
def test_a_row_is_the_same_alone_and_in_its_family(drawn: Families) -> None:
    rows = rows_of(drawn)
    paged = filled(rows)
    _, together = attended(paged, rows)
    for n in {0, len(rows) // 2, len(rows) - 1}:
        assert torch.equal(attended(paged, [rows[n]])[1][0], together[n])


@pytest.mark.parametrize("shared", [4, 12, 13, 27])
def test_shared_pages_are_attended_to_once(shared: int) -> None:
    rows = rows_of([(shared, [1, 2] * 10)])
    step, together = attended(filled(rows), rows)
    if not attention.products_agree(len(rows), CONFIG.n_head, CONFIG.head_dim, shared):
        pytest.skip("products add up in another order on this processor")
    (group,) = step.groups
    assert [page for segment in group.segments for page in segment] == list(range(1, shared + 1))
    assert together.isfinite().all()


@pytest.mark.parametrize("agree", [True, False])
def test_outputs_are_those_of_plain_attention(agree: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not agree:
        monkeypatch.setattr(attention, "products_agree", lambda *shape: False)
    rows = rows_of([(27, [1, 2, 14] * 6), (0, [3]), (5, [1] * 16)])
    paged = filled(rows)
    step, together = attended(paged, rows)
    assert agree or not any(group.segments for group in step.groups)
    keys, values = paged.key_pages(0).double(), paged.value_pages(0).double()
    generator = torch.Generator().manual_seed(8)
    queries = torch.randn(3, 2000, CONFIG.n_head, CONFIG.head_dim, generator=generator)[0].double()
    for row, out_HD in zip(rows, together, strict=True):
        seen = row.position + 1
        k_HDS = torch.cat([keys[page] for page in row.pages], -1)[..., :seen]
        v_HSD = torch.cat([values[page] for page in row.pages], -2)[:, :seen]
        scores_HS = torch.einsum("hd,hds->hs", queries[row.pages[-1]], k_HDS)
        p_HS = torch.softmax(scores_HS * CONFIG.head_dim**-0.5, -1)
        expected_HD = torch.einsum("hs,hsd->hd", p_HS, v_HSD)
        torch.testing.assert_close(out_HD.double(), expected_HD, atol=1e-5, rtol=1e-4)


@given(pages=st.lists(st.integers(0, 64), min_size=1, max_size=60), free=st.integers(0, 40))
def test_groups_are_few_and_padded_little(pages: list[int], free: int) -> None:
    pages.sort()
    widths = padded(pages, free)
    assert widths == sorted(widths)
    groups = {
        width: [n for n, w in zip(pages, widths, strict=True) if w == width] for width in widths
    }
    for width, members in groups.items():
        assert width == max(members)
        assert width * len(members) - sum(members) <= max(free, sum(members) // 8)
    for width, wider in zip(sorted(groups), sorted(groups)[1:], strict=False):
        together = [*groups[width][-1:], *groups[wider]]  # one more row would be too much
        assert wider * len(together) - sum(together) > max(free, sum(groups[wider]) // 8)
