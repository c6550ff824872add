"""Each epoch meets each row once, in an order that can be taken up again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fncompile.training.feed import ArrayFeed, BatchFeed
from fncompile.training.steps import STRETCH_SECONDS, Pace


def array_feed(*args, **kwargs):
    """A feed of which no batch is run."""
    return ArrayFeed(lambda arrays: None, *args, **kwargs)


def epoch(feed, number=0, iterations=0, batches=3, seed=3):
    """Rows of the batches of an epoch, and how many batches there were."""
    feed.begin(number, iterations, seed)
    rows, count = [], 0
    while (stretch := feed.take(batches)) is not None:
        assert 1 <= stretch.batches <= batches
        assert -(-len(stretch.index) // stretch.batch_size) == stretch.batches
        rows.extend(stretch.index)
        count += stretch.batches
    return rows, count


sizes = st.tuples(st.integers(1, 60), st.integers(1, 70), st.integers(1, 5))


@given(sizes, st.sampled_from([False, True, "batch"]))
def test_every_row_once(size, shuffle):
    rows, batch_size, batches = size
    feed = array_feed([np.arange(rows)], batch_size, shuffle)
    seen, count = epoch(feed, batches=batches)
    assert sorted(seen) == list(range(rows))
    assert count == feed.steps == -(-rows // batch_size)
    if not shuffle:
        assert seen == list(range(rows))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@given(sizes, st.integers(1, 9), st.integers(1, 4))
def test_resuming_gives_the_same_rows(size, steps, resumed_at):
    """With any number of steps per epoch, begun anew at any epoch."""
    rows, batch_size, batches = size
    whole, began, seen = array_feed([np.arange(rows)], batch_size, True, steps), [0], []
    for e in range(5):
        index, count = epoch(whole, e, began[-1], batches)
        seen.append(index)
        began.append(began[-1] + count)
    again = array_feed([np.arange(rows)], batch_size, True, steps)
    for e in range(resumed_at, 5):
        assert epoch(again, e, began[e], batches)[0] == seen[e]


def test_epochs_differ_and_seeds_differ():
    feed = array_feed([np.arange(50)], 8, True)
    assert epoch(feed, 0, 0) != epoch(feed, 1, 7)
    assert epoch(feed, 0, 0, seed=1) != epoch(feed, 0, 0, seed=2)


def test_steps_per_epoch_go_on_and_end_with_the_data():
    feed = array_feed([np.arange(10)], 4, steps=2)
    assert epoch(feed, 0, 0)[0] == [0, 1, 2, 3, 4, 5, 6, 7]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert epoch(feed, 1, 2)[0] == [8, 9]
    assert epoch(feed, 2, 3)[0] == [0, 1, 2, 3, 4, 5, 6, 7]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert epoch(array_feed([np.arange(3)], 2, steps=5))[0] == [0, 1, 2]


def test_shuffled_batches_stay_whole():
    seen, _ = epoch(array_feed([np.arange(11)], 3, "batch"))
    assert seen[9:] == [9, 10]
    assert all(list(seen[k : k + 3]) == list(range(seen[k], seen[k] + 3)) for k in (0, 3, 6))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "4"])
def test_wrong_batch_size_and_steps(wrong):
    with pytest.raises(ValueError, match="batch_size"):
        array_feed([np.arange(3)], wrong)
    with pytest.raises(ValueError, match="steps"):
        array_feed([np.arange(3)], 1, steps=wrong)


def test_no_rows():
    with pytest.raises(ValueError, match="no samples"):
        array_feed([np.zeros((0, 3))])


def prepared(item):
    return len, [np.asarray(item)]  # a plan, and what it takes


def values(feed, number=0):
    feed.begin(number)
    out = []
    while (stretch := feed.take(8)) is not None:
        assert stretch.batches == 1 and stretch.plan is len
        out.append(stretch.arrays[0].tolist())
    return out


def test_an_iterable_is_begun_anew_each_epoch():
    items = [[1, 2], [3]]
    feed = BatchFeed(lambda _: iter(items), prepared, None, 2)
    assert values(feed) == values(feed, 1) == items


def test_a_generator_runs_out():
    generator = (x for x in ([1], [2], [3]))
    feed = BatchFeed(lambda _: generator, prepared, None)
    assert feed.steps is None
    assert values(feed) == [[1], [2], [3]]
    assert feed.steps == 3 and not feed.ran_out
    with pytest.warns(UserWarning, match="ran out of data"):
        assert values(feed, 1) == []
    assert feed.ran_out


def test_steps_of_a_generator_go_on_from_epoch_to_epoch():
    generator = (x for x in ([k] for k in range(5)))
    feed = BatchFeed(lambda _: generator, prepared, steps=2)
    assert [values(feed, 0), values(feed, 1)] == [[[0], [1]], [[2], [3]]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert values(feed, 2) == [[4]]
    assert feed.ran_out


@pytest.mark.parametrize("length", [3, None])
def test_steps_of_an_iterable_go_on_and_end_with_it(length):
    feed = BatchFeed(lambda _: iter([[1], [2], [3]]), prepared, steps=2, length=length)
    assert values(feed, 0) == [[1], [2]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert values(feed, 1) == [[3]]
    assert not feed.ran_out
    assert values(feed, 2) == [[1], [2]]


def test_steps_that_divide_an_iterable_need_no_warning(recwarn):
    feed = BatchFeed(lambda _: iter([[1], [2]]), prepared, steps=1, length=2)
    assert [values(feed, e) for e in range(4)] == [[[1]], [[2]], [[1]], [[2]]]
    assert not feed.ran_out and not recwarn.list


def test_pace(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("fncompile.training.steps.time.perf_counter", lambda: clock[0])
    pace, single = Pace(), Pace(fixed=1)
    chosen = []
    for _ in range(8):
        for p in (pace, single):
            p.begin()
        chosen.append(pace.batches)
        clock[0] += pace.batches * 0.001
        for p in (pace, single):
            p.end(pace.batches)
    assert chosen[:3] == [1, 8, 64]
    assert chosen[-1] == pytest.approx(STRETCH_SECONDS / 0.001, abs=1)
    assert single.batches == 1
    pace.begin()
    clock[0] += 10.0  # everything became slow
    pace.end(pace.batches)
    assert pace.batches <= 2
