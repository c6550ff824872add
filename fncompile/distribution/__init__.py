"""Training in several processes, under Keras' names: data-parallel, over MPI.

One line in front of a script makes it one for `mpirun -n 4 python train.py`:

    fncompile.distribution.set_distribution(fncompile.distribution.DataParallel())
"""

from fncompile.distribution.devices import get_device_count, initialize, list_devices
from fncompile.distribution.layout import DeviceMesh, TensorLayout
from fncompile.distribution.parallel import DataParallel, distribution, set_distribution
from fncompile.missing import explain_missing

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "TensorLayout",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

explain_missing(
    __name__, "A model is whole in every process: train it by `distribution.DataParallel`."
)
