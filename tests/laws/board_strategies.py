"""What people may do to a board of two counters, ``a`` and ``b``."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.laws.counter_board import (
    AddToCounter,
    CloseCounter,
    CounterAdded,
    CounterClosed,
    CounterOpened,
    LineWritten,
    OpenCounter,
)

counters = st.sampled_from(["a", "b"])
short_texts = st.text(alphabet="ab é€😀\n", max_size=5)
texts = st.one_of(
    short_texts,
    short_texts,
    short_texts,
    st.sampled_from(["long " * 900, "😀" * 2500]),  # past the size at which a journal is checkpointed
)
labels = st.sampled_from(["", "Cats", "é😀"])
numbers = st.integers(-3, 3) | st.sampled_from([2**40, -(2**40)])
tags = st.lists(st.sampled_from(["x", "y"]), max_size=2)
lines = st.builds(LineWritten, counter=counters, text=texts)
facts = st.one_of(
    lines,
    lines,
    st.builds(CounterAdded, counter=counters, by=numbers, tags=tags),
    st.builds(CounterOpened, counter=counters, label=labels),
    st.builds(CounterClosed, counter=counters),
)
units = st.lists(facts, min_size=1, max_size=4)
commands = st.one_of(
    st.builds(AddToCounter, counter=counters, by=numbers, remark=texts),
    st.builds(OpenCounter, counter=counters, label=labels),
    st.builds(CloseCounter, counter=counters),
)
client_numbers = st.integers(0, 1)
