from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sambay.data.permutation import Permutation


@pytest.mark.parametrize("sizes", [range(1, 70), (255, 256, 257, 1000, 4096, 4097)], ids=["small", "larger"])
def test_every_index_is_hit_once(sizes) -> None:
    for size in sizes:
        permutation = Permutation(size, "key")
        assert sorted(map(permutation, range(size))) == list(range(size))


@given(size=st.integers(1, 1 << 50), key=st.text(), data=st.data())
def test_large_sizes_stay_inside_and_apart(size: int, key: str, data) -> None:
    permutation = Permutation(size, key)
    indices = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=30))
    places = [permutation(index) for index in indices]
    assert len(set(places)) == len(indices)
    assert all(0 <= place < size for place in places)
    assert places == [Permutation(size, key)(index) for index in indices]


def test_the_order_never_changes() -> None:
    """A resumed run of a later version must find the same order: these are fixed for ever."""
    assert list(map(Permutation(10, "0 0 web"), range(10))) == ORDER_OF_TEN


def test_every_place_is_equally_likely() -> None:
    size, num_keys = 7, 3500
    counts = np.zeros((size, size))
    for key in range(num_keys):
        permutation = Permutation(size, str(key))
        counts[range(size), [permutation(index) for index in range(size)]] += 1
    chi_squared = ((counts - num_keys / size) ** 2 / (num_keys / size)).sum()
    # 6/7 of it has 36 degrees of freedom: 1 in 5,000 is above 72. The keys are fixed, so it holds or not for ever.
    assert chi_squared * 6 / 7 < 72


ORDER_OF_TEN = [7, 5, 9, 0, 3, 8, 2, 1, 4, 6]
