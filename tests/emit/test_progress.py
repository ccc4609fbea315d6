"""Long work that is interrupted stops: its threads, its progress bar, and nothing is left."""

from __future__ import annotations

import time

import numpy as np
import pytest

from symprice import MLP, NTCov, closed_form, inputs
from symprice.emit.array_tiles import _filled
from symprice.emit.progress import advancing

PLACES = [(slice(i, i + 1),) for i in range(400)]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, ZeroDivisionError])
def test_what_has_not_begun_is_not_computed(threads, raised):
    calls, moves = [], []

    def block(places):
        calls.append(places)
        if len(calls) == 6:
            raise raised
        time.sleep(0.001)
        return np.ones(1)

    with pytest.raises(raised):
        _filled(block, PLACES, [400], threads, lambda: moves.append(len(calls)))
    assert len(calls) < 30 and len(moves) < 6


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bar_moves_when_a_block_is_done(threads):
    done, moves = [], []

    def block(places):
        time.sleep(0.001)
        done.append(places)
        return np.full(1, float(places[0].start))

    found = _filled(block, PLACES[:50], [50], threads, lambda: moves.append(len(done)))
    np.testing.assert_array_equal(found, np.arange(50.0))
    assert len(moves) == 50 and all(count >= k + 1 for k, count in enumerate(moves))


def test_the_bar_is_gone_while_the_error_is_kept(monkeypatch):
    """Notebooks keep the last traceback, and with it the frames in which a loop was interrupted."""
    tqdm = pytest.importorskip("tqdm.auto", reason="pip install tqdm").tqdm
    bars = []

    class Bar(tqdm):
        def __init__(self, *args, **settings):
            super().__init__(*args, **{**settings, "disable": False})
            bars.append(self)
            self.closed = False

        def close(self):
            self.closed = True
            super().close()

        def update(self, n=1):
            super().update(n)
            if self.n == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    net = MLP(2, 3, 1)
    x, y = inputs("x y", 2)
    kernel = closed_form(NTCov(net(x), net(y))).lambdify(batch={x: "i", y: "j"}, tile=1)
    points = np.random.default_rng(0).normal(size=(5, 2))
    with pytest.raises(KeyboardInterrupt) as kept:
        kernel(net.init(0), points, points, progress=True)
    assert kept.tb is not None and bars and all(bar.closed for bar in bars)
    whole = kernel(net.init(0), points, points, progress=False)
    np.testing.assert_allclose(whole, whole.T, rtol=1e-12)


def test_a_bar_that_ends_early_does_not_stay_in_red(monkeypatch):
    """In notebooks tqdm takes a bar that is not full for an error, and leaves it there."""
    tqdm = pytest.importorskip("tqdm.auto", reason="pip install tqdm").tqdm
    closed = []

    class Bar(tqdm):
        def close(self):
            closed.append((self.n, self.total))
            super().close()

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    with advancing(10, True, "point") as advance:
        advance(), advance(), advance()
    with pytest.raises(KeyboardInterrupt), advancing(10, True, "point") as advance:
        advance()
        raise KeyboardInterrupt
    assert {(3, 3), (1, 1)} <= set(closed)
