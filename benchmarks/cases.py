"""The table of cases: what is timed, and the work that a case cannot do without."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod

from benchmarks.description import GATES, Network
from benchmarks.networks import NETWORKS

KINDS = ("predict", "train")


@dataclass(frozen=True)
class Case:
    """One line of the table. `train` is one step with Adam: forward, backward, update."""

    network: str
    kind: str
    batch: int
    dtype: str = "float32"
    cores: int = 1

    @property
    def name(self) -> str:
        return f"{self.network} {self.kind} {self.batch} {self.dtype} {self.cores}c"

    def spec(self) -> Network:
        return NETWORKS[self.network]

    def to_json(self) -> dict:
        return asdict(self)


IMAGES = ("lenet", "resnet20", "mobilenet", "tcn")
# network -> (batches of predict, batches of train)
BATCHES = {
    "tiny": ((1, 32, 256, 4096), (1, 32, 256)),
    "mlp784": ((1, 32, 256, 4096), (1, 32, 256, 4096)),
    "dag": ((1, 32, 256), (32, 256)),
    "mlp512": ((1, 32, 256, 4096), (32, 256)),
    "res256": ((1, 32, 256), (32, 256)),
    "mlp1024": ((1, 32, 256), (32, 256)),
    **dict.fromkeys(IMAGES, ((1, 32), (32,))),
    **dict.fromkeys(("lstm128", "gru64", "encoder128", "encoder256"), ((1, 32), (32,))),
    "gpt": ((1,), (32,)),
    "lstm16_step": ((1,), ()),
}
HALF = {"mlp784": ((32, 256), (32, 256)), "mlp1024": ((1, 32, 256), (32, 256)),
        **dict.fromkeys(IMAGES, ((1, 32), (32,)))}  # bfloat16
# What torch.compile is given: compiling one case takes it many seconds.
COMPILED = {("mlp784", "predict", 1), ("mlp784", "predict", 32), ("mlp784", "predict", 256),
            ("mlp784", "train", 32), ("mlp512", "predict", 1), ("mlp512", "predict", 256),
            ("mlp512", "train", 256),
            *((network, kind, batch) for network in IMAGES
              for kind, batch in (("predict", 1), ("predict", 32), ("train", 32))),
            ("encoder128", "predict", 1), ("encoder128", "train", 32)}
QUICK = {("tiny", "predict", 1), ("mlp784", "predict", 1), ("mlp784", "predict", 256),
         ("mlp784", "train", 32), ("mlp784", "train", 256), ("mlp512", "predict", 256),
         ("mlp512", "train", 256), ("mlp1024", "predict", 1), ("dag", "predict", 32),
         ("res256", "predict", 32), ("res256", "train", 32), ("lstm128", "predict", 32),
         ("lstm128", "train", 32), ("gru64", "predict", 1),
         ("lstm16_step", "predict", 1), ("encoder128", "predict", 32),
         ("encoder128", "train", 32)}


def table() -> list[Case]:
    """All cases. On two cores only batches that have something to share."""
    cases = [Case(network, kind, batch, "float32", cores)
             for cores in (1, 2) for network, kind, batch in _rows(BATCHES)
             if cores == 1 or batch >= 32]
    return cases + [Case(*row, "bfloat16", 1) for row in _rows(HALF)]


def _rows(batches: dict) -> list[tuple[str, str, int]]:
    return [(network, kind, batch) for network, both in batches.items()
            for kind, group in zip(KINDS, both) for batch in group]


def flops(case: Case) -> int:
    """Multiplications and additions of the products: y = xW, and for a step dW = x'dy and
    dx = dyW' as well, but no dx of the network's inputs."""
    network, products = case.spec(), 0
    shapes = network.shapes()
    for node in network.nodes:
        if node.kind in ("dense", "conv", "depthwise"):
            points = prod(shapes[node.name][:-1])
            first = node.inputs[0] in network.inputs
            each = points * prod(network.layers[node.layer].shape)
            products += each * (1 if case.kind == "predict" else 2 if first else 3)
        if node.kind == "attention":  # a step works out all gradients
            (steps, width), times = shapes[node.name], 1 if case.kind == "predict" else 3
            products += times * steps * width * (4 * width + 2 * steps)
        if node.kind == "lstm_step":
            inputs, units = network.layers[node.layer].shape
            products += 4 * units * (inputs + units)
        if node.kind in GATES:
            inputs, units = network.layers[node.layer].shape
            wide = shapes[node.inputs[0]][0] * GATES[node.kind] * units  # of all steps
            first = node.inputs[0] in network.inputs
            times = (1, 1) if case.kind == "predict" else (2 if first else 3, 3)
            products += wide * (inputs * times[0] + units * times[1])
    return 2 * case.batch * products


def stretch(case: Case) -> int:
    """How many steps to make in one call, where that is a way: some milliseconds' worth, so that
    entering a stretch costs as little as in `fit`, whose stretches are longer still."""
    return max(1, min(200, int(5e8 / flops(case))))


def traffic(case: Case) -> int:
    """Bytes that must be read or written at least: each weight once, and for a step weight and
    Adam's two moments read and written; each activation written and read once, twice for a step."""
    network, size = case.spec(), 2 if case.dtype == "bfloat16" else 4
    values = case.batch * _stored(network)
    if case.kind == "predict":
        return size * (network.parameters() + 2 * values)
    return 6 * 4 * network.parameters() + 2 * size * 2 * values


def _stored(network: Network) -> int:
    """Elements of a sample that lie in memory: what only follows a product is computed with it."""
    followed = {"norm", "flatten"}
    of_nodes = {node.name for node in network.nodes if node.kind in followed}
    return sum(n for name, n in network.widths().items() if name not in of_nodes)


def footprint(case: Case) -> int:
    """Bytes that a case keeps in use: they tell which cache it can live in."""
    network, size = case.spec(), 2 if case.dtype == "bfloat16" else 4
    values = case.batch * _stored(network)
    copies = 1 if case.kind == "predict" else 4  # weight, gradient, two moments
    return size * (copies * network.parameters() + values)
