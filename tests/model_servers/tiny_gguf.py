"""Write a tiny language model with random weights: it says nothing sensible, but a real server loads it.

Needs ``gguf`` and ``numpy``, which are no dependencies of ours: see docs/engines.md.
"""

import sys

import gguf
import numpy as np

WIDTH, HIDDEN, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 2048
words = [
    f"▁{word}"
    for word in [
        "the",
        "a",
        "of",
        "and",
        "harbour",
        "boat",
        "morning",
        "quiet",
        "bread",
        "water",
        "is",
        "was",
        "it",
        "old",
        "man",
        "ropes",
    ]
]
tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *words]
kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * (1 + len(words))

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(HIDDEN)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([-float(place) for place in range(len(tokens))])
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)

random = np.random.default_rng(7)


def tensor(name: str, *shape: int) -> None:
    writer.add_tensor(name, random.normal(0, 0.3, shape).astype(np.float32))


tensor("token_embd.weight", len(tokens), WIDTH)
tensor("output.weight", len(tokens), WIDTH)
writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
for layer in range(LAYERS):
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
    tensor(f"blk.{layer}.ffn_gate.weight", HIDDEN, WIDTH)
    tensor(f"blk.{layer}.ffn_up.weight", HIDDEN, WIDTH)
    tensor(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
