"""transformers' CodeGen with the weights of ours."""

from __future__ import annotations

import torch
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM
from transformers.models.codegen.modeling_codegen import create_sinusoidal_positions

from models.checkpoint import checkpoint_weights
from models.transformer import Transformer


@torch.no_grad()
def transformers_of(model: Transformer) -> CodeGenForCausalLM:
    """The same weights in transformers' model, on the same device. All but the attention
    projections, whose layout differs, are shared, not copied. It has no end of text."""
    record = model.config.to_json()
    for name in ("architectures", "torch_dtype", "bos_token_id", "eos_token_id"):
        del record[name]
    with torch.device("meta"):
        theirs = CodeGenForCausalLM(TheirConfig(**record, bos_token_id=None, eos_token_id=None))
    state = model.state_dict()
    weights = checkpoint_weights(model.config)
    tensors = {name: weight.save(state[weight.parameter]) for name, weight in weights.items()}
    theirs.load_state_dict(tensors, assign=True)
    for block in theirs.transformer.h:  # the table of sines is no weight, and stays in float32
        attn = block.attn
        table = create_sinusoidal_positions(attn.max_positions, attn.pos_embd_dim)
        attn.embed_positions = table.to(model.head.weight.device)
    return theirs.eval()
