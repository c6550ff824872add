"""The progress bar: its look on a terminal is Keras', character by character."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from fncompile.callbacks import progbar, progbar_logger
from fncompile.callbacks.progbar import Progbar
from tests.callbacks.scripted import X, Y, scripted


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    system = SimpleNamespace(stdout=Terminal(), modules={})
    for module in (progbar, progbar_logger):
        monkeypatch.setattr(module, "sys", system)
    return system.stdout


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(Progbar, "_now", staticmethod(lambda: now[0]))
    return now


FULL, REST = "\x1b[32m", "\x1b[37m"


def test_a_bar_as_keras_draws_it(screen, clock):
    bar = Progbar(10, interval=0)
    bar.update(1, [("loss", 0.5), ("acc", 0.00012345)])
    clock[0] += 2.4
    bar.update(3, [("loss", 0.5), ("acc", 0.00012345)])
    clock[0] += 2.4
    bar.update(10, [("loss", 0.5), ("acc", 0.00012345)])
    tail = " - loss: 0.5000 - acc: 1.2345e-04"
    assert screen.getvalue().replace("\n", "").split("\r")[1:] == [
        f"\x1b[1m{count}\x1b[0m {FULL}{'━' * done}\x1b[0m{REST}{'━' * (20 - done)}\x1b[0m "
        f"\x1b[1m{seconds}\x1b[0m {each}/step{tail}"
        for count, done, seconds, each in (
            (" 1/10", 2, "0s", "0s"),
            (" 3/10", 6, "8s", "1s"),
            ("10/10", 20, "5s", "533ms"),
        )
    ]
    assert screen.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("step", "left", "each"),
    [(1e-7, "0s", "0us"), (1e-4, "0s", "50us"), (1.5e-3, "0s", "750us"), (0.02, "0s", "10ms"),
     (1.0, "3s", "500ms"), (59.9, "3:29", "30s"), (60, "3:30", "30s"), (3600, "3:30:00", "1800s"),
     (86399, "83:59:56", "43200s"), (1e6, "972:13:20", "500000s")],
)  # fmt: skip
def test_times(screen, clock, step, left, each):
    bar = Progbar(10, interval=0)
    bar.update(1)
    clock[0] += step
    bar.update(3)
    assert screen.getvalue().endswith(f" \x1b[1m{left}\x1b[0m {each}/step")


def test_an_empty_bar_has_no_green(screen, clock):
    Progbar(12345).update(1)
    assert f"\x1b[1m    1/12345\x1b[0m {REST}{'━' * 20}\x1b[0m " in screen.getvalue()


def test_unknown_length(screen, clock):
    bar = Progbar(None)
    bar.update(1, [("loss", float("nan"))])
    assert screen.getvalue() == "\r      1/Unknown \x1b[1m0s\x1b[0m 0s/step - loss: nan"


def test_a_shorter_line_covers_the_longer(screen, clock):
    bar = Progbar(10, interval=0)
    bar.update(1, [("x", 12345.0)])
    bar.stateful_metrics.add("x")
    bar.update(2, [("x", 1.0)])
    assert screen.getvalue().endswith("x: 1.0000    ")


def test_redrawn_only_a_few_times_a_second(screen, clock):
    bar = Progbar(1000)
    for k in range(1, 1000):
        bar.update(k)
        clock[0] += 0.001
    assert screen.getvalue().count("\r") <= 1 + 1000 * 0.001 / 0.05


def test_values_are_averaged_unless_stateful(clock, capsys):
    bar = Progbar(2, verbose=2, stateful_metrics=["last"])
    bar.update(1, [("mean", 1.0), ("last", 1.0)])
    bar.update(2, [("mean", 2.0), ("last", 2.0)])
    assert capsys.readouterr().out == "2/2 - 0s - 0s/step - mean: 1.5000 - last: 2.0000\n"


@pytest.mark.parametrize(("stateful", "stateless", "shown"), [
    ([], None, "1.0000"), (["v"], None, "2.0000"), (None, [], "2.0000"), (None, ["v"], "1.0000"),
])  # fmt: skip
def test_the_names_of_one_kind_say_which_are_averaged(clock, capsys, stateful, stateless, shown):
    bar = Progbar(3, stateful_metrics=stateful, stateless_metrics=stateless, interval=0)
    bar.update(1, [("v", 0.0)])
    bar.update(2, [("v", 2.0)])
    lines = capsys.readouterr().out.splitlines()  # no terminal, and no interval: each is written
    assert len(lines) == 2 and lines[1].endswith(f"v: {shown}")
    with pytest.raises(ValueError, match="Only one of"):
        Progbar(3, stateful_metrics=[], stateless_metrics=[])


def test_verbose_2_and_0(capsys):
    for verbose, lines in ((0, []), (2, ["Epoch 1/2", "1/1 - 0s", "Epoch 2/2", "1/1 - 0s"])):
        model, _ = scripted([0.5, 0.25], [0.125, 0.0625])
        model.fit(X, Y, epochs=2, verbose=verbose, validation_data=(X, Y))
        out = capsys.readouterr().out.splitlines()
        assert [line[: len(want)] for line, want in zip(out, lines, strict=True)] == lines
        assert len(out) == len(lines)
    assert out[1].endswith("/step - loss: 0.5000 - val_loss: 0.1250")


def test_plain_without_a_terminal(capsys):
    model, _ = scripted([0.5, 0.25])
    model.fit(X, Y, epochs=2, verbose="auto")
    out = capsys.readouterr().out
    assert out.count("\n") == 4 and "\x1b" not in out and "\r" not in out
    assert f"1/1 {'━' * 20} 0s" in out and "- loss: 0.2500" in out


def test_one_epoch_has_no_heading_and_evaluate_within_fit_no_bar(screen):
    model, _ = scripted([0.5, 0.5], [0.25, 0.25])
    model.fit(X, Y, validation_data=(X, Y))
    text = screen.getvalue()
    assert "Epoch" not in text
    assert text.rstrip().endswith("- loss: 0.5000 - val_loss: 0.2500")
    assert text.count("\n") == 1


def test_evaluate_and_predict_have_bars(screen, clock):
    model, _ = scripted([], [0.25])
    model.evaluate(X, Y)
    assert screen.getvalue().endswith(" - loss: 0.2500\n")
