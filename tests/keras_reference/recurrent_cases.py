"""Cases of layer_cases.py for recurrent layers and what wraps them: every option of each."""

from __future__ import annotations

from tests.keras_reference.placeholders import B, F, L

X, MASK = F((2, 5, 3)), B((2, 5))
GAP = B((2, 5), 0.3)  # first and last steps left out as well
NONE = B((2, 5), 0.0)
ALL = dict(return_sequences=True, return_state=True)
SEQUENCES = dict(return_sequences=True)
H = F((2, 4))
STATES = {"SimpleRNN": [H], "GRU": [H], "LSTM": [H, F((2, 4))]}


def options(kind: str) -> dict[str, tuple]:
    """The cases of one of the three layers, of 4 units."""
    states = dict(initial_state=STATES[kind])
    rows = {
        "": ({}, {}),
        "sequences": (SEQUENCES, {}),
        "all": (ALL, {}),
        "backwards": (dict(**ALL, go_backwards=True), {}),
        "no_bias": (dict(use_bias=False), {}),
        "relu": (dict(activation="relu", **SEQUENCES), {}),
        "linear": (dict(activation=None), {}),
        "mask": (ALL, dict(mask=MASK)),
        "mask_last": ({}, dict(mask=GAP)),
        "mask_none": (ALL, dict(mask=NONE, **states)),
        "mask_backwards": (dict(**ALL, go_backwards=True), dict(mask=GAP)),
        "mask_zero": (dict(**SEQUENCES, zero_output_for_mask=True), dict(mask=MASK)),
        "states": (ALL, states),
        "unroll": (dict(**ALL, unroll=True), {}),
        "unroll_mask": (dict(**ALL, unroll=True), dict(mask=GAP)),
        "unroll_backwards": (dict(**SEQUENCES, unroll=True, go_backwards=True), {}),
        "dropout": (dict(dropout=0.5, recurrent_dropout=0.3), {}),  # inference
    }
    if kind != "SimpleRNN":
        rows["gates"] = (dict(recurrent_activation="hard_sigmoid", **SEQUENCES), {})
        rows["one_by_one"] = (dict(implementation=1), {})
    if kind == "GRU":
        rows["reset_before"] = (dict(reset_after=False, **ALL), {})
        rows["reset_before_no_bias"] = (dict(reset_after=False, use_bias=False), {})
        rows["reset_before_mask"] = (dict(reset_after=False, dropout=0.2), dict(mask=MASK))
    if kind == "LSTM":
        rows["no_forget_bias"] = (dict(unit_forget_bias=False), {})
    return {
        f"{kind.lower()}_{name}": (kind, dict(units=4, **init), (X,), call)
        for name, (init, call) in rows.items()
    }


def both(**init) -> tuple:
    return ("Bidirectional", init, (X,))


FILMS = {
    1: (F((2, 4, 6, 2)), F((2, 4, 2, 6))),
    2: (F((2, 3, 5, 4, 2)), F((2, 3, 2, 5, 4))),
    3: (F((1, 3, 3, 4, 3, 2)), F((1, 3, 2, 3, 4, 3))),
}


def convolving() -> dict[str, tuple]:
    """The cases of ConvLSTM1D, 2D and 3D."""
    found = {}
    for rank, (last, first) in FILMS.items():
        state = (*last.shape[:1], *last.shape[2:-1], 3)
        rows = {
            "": ({}, last, {}),
            "all": (dict(padding="same", **ALL), last, {}),
            "strides": (dict(strides=2, **SEQUENCES), last, {}),
            "dilation": (dict(dilation_rate=2, padding="same"), last, {}),
            "first": (dict(data_format="channels_first", **ALL), first, {}),
        }
        if rank == 2:
            rows |= {
                "mixed": (dict(kernel_size=(2, 3), strides=(1, 2), padding="same"), last, {}),
                "backwards": (dict(go_backwards=True, **ALL), last, {}),
                "no_bias": (dict(use_bias=False), last, {}),
                "no_forget_bias": (dict(unit_forget_bias=False, activation="relu"), last, {}),
                "gates": (dict(recurrent_activation="hard_sigmoid"), last, {}),
                "states": (
                    dict(padding="same", **ALL), last, dict(initial_state=[F(state), F(state)]),
                ),
                "unroll": (dict(unroll=True, **SEQUENCES), last, {}),
                "dropout": (dict(dropout=0.5, recurrent_dropout=0.3), last, {}),  # inference
            }  # fmt: skip
        for name, (init, x, call) in rows.items():
            init = {"filters": 3, "kernel_size": 2, **init}
            found[f"conv_lstm{rank}d_{name}"] = (f"ConvLSTM{rank}D", init, (x,), call)
    return found


LSTM = L("LSTM", units=3)
GRU = L("GRU", units=3, **SEQUENCES)
CELLS = [L("GRUCell", units=3), L("LSTMCell", units=4), L("SimpleRNNCell", units=2)]

CASES = {
    **options("SimpleRNN"),
    **options("GRU"),
    **options("LSTM"),
    **{
        f"bidirectional_{mode}_{layer.init.get('return_sequences', False)}": (
            *both(layer=layer, merge_mode=mode), {},
        )
        for mode in ("concat", "sum", "mul", "ave", None)
        for layer in (LSTM, GRU)
    },
    "bidirectional_mask": (*both(layer=GRU), dict(mask=GAP)),
    "bidirectional_mask_last": (*both(layer=LSTM), dict(mask=MASK)),
    "bidirectional_states": (
        *both(layer=L("LSTM", units=4, **ALL)),
        dict(initial_state=[H, F((2, 4)), H, F((2, 4))]),
    ),
    "bidirectional_two": (
        *both(layer=GRU, backward_layer=L("LSTM", units=5, **SEQUENCES, go_backwards=True)), {},
    ),
    "rnn_cell": ("RNN", dict(cell=L("LSTMCell", units=3), **ALL), (X,), {}),
    "rnn_stack": ("RNN", dict(cell=CELLS, **SEQUENCES), (X,), {}),
    "rnn_stack_mask": ("RNN", dict(cell=CELLS, **SEQUENCES), (X,), dict(mask=MASK)),
    "rnn_stack_backwards": ("RNN", dict(cell=CELLS, go_backwards=True), (X,), {}),
    **convolving(),
    "time_distributed": ("TimeDistributed", dict(layer=L("Dense", units=4)), (X,), {}),
    "time_distributed_norm": (
        "TimeDistributed", dict(layer=L("BatchNormalization")), (X,), {},
    ),
    "time_distributed_deep": (
        "TimeDistributed", dict(layer=L("Dense", units=4)), (F((2, 3, 4, 5)),), {},
    ),
    "masking": ("Masking", dict(mask_value=0.0), (X,), {}),
}  # fmt: skip
