"""A deadline interrupts what does not end, wherever Python happens to be."""

from __future__ import annotations

import gc
import signal
import time
import warnings
import weakref

import pytest

from symprice import timelimit
from symprice.timelimit import within

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGALRM"), reason="needs SIGALRM, which POSIX has"
)


def endless():
    while True:
        pass


def test_it_returns_the_default():
    started = time.monotonic()
    assert within(0.05, endless, "late") == "late"
    assert time.monotonic() - started < 1


def test_what_is_quick_is_returned_and_no_alarm_is_left():
    assert within(5, lambda: 7) == 7
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_outer_deadline_stands():
    def outer():
        within(5, lambda: None)
        endless()

    assert within(0.1, outer, "late") == "late"


def test_an_inner_deadline_is_the_inner_ones():
    assert within(5, lambda: (within(0.05, endless, "inner"), "outer")) == ("inner", "outer")


class Slow:
    """Its destructor takes longer than the deadline."""

    def __del__(self):
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass


def test_a_destructor_is_not_interrupted():
    def compute():
        Slow()
        endless()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert within(0.05, compute, "late") == "late"
    assert not caught


def test_nor_is_a_callback_of_the_collector():
    finished = []

    def callback(phase, info):
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        finished.append(phase)

    def compute():
        gc.collect()
        endless()

    gc.callbacks.append(callback)
    try:
        assert within(0.05, compute, "late") == "late"
    finally:
        gc.callbacks.remove(callback)
    assert finished[:2] == ["start", "stop"]


def test_nor_is_what_follows_the_end_of_an_object():
    finished = []

    def last():
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        finished.append(True)

    def compute():
        weakref.finalize(type("Passing", (), {})(), last)
        gc.collect()
        endless()

    assert within(0.05, compute, "late") == "late"
    assert finished == [True]


@pytest.mark.parametrize("seconds", [0.05, 5])
def test_an_alarm_that_comes_while_it_is_switched_off_is_no_error(monkeypatch, seconds):
    """It would leave the place where it is caught, and end the program."""
    switch = signal.setitimer

    def late(which, *when):
        if when == (0,):
            signal.raise_signal(signal.SIGALRM)
        return switch(which, *when)

    monkeypatch.setattr(timelimit.signal, "setitimer", late)
    assert within(seconds, endless if seconds < 1 else lambda: "done", "late") in ("done", "late")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
