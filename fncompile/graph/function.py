"""`Function`: a graph of operations as one operation, without weights of its own."""

from __future__ import annotations

from typing import Any

from fncompile.graph.call import Operation
from fncompile.graph.dag import build_dag, replay
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import KerasTensor


class Function(Operation):
    """The operations that lead from `inputs` to `outputs`, nested structures of symbolic tensors.

    Called on arrays, tensors or symbolic tensors in the structure of `inputs` it computes the same
    of these. `name`: made from the class if None. ValueError for empty structures, for outputs that
    the inputs do not lead to, and for a call with other structures or shapes.

    >>> x, y = fncompile.KerasTensor((None, 2)), fncompile.KerasTensor((None, 2))
    >>> both = fncompile.Function([x, y], ops.exp(x) + y)
    >>> both([np.zeros((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            if not flatten(structure):
                raise ValueError(
                    f"`{what}` argument cannot be empty. Received:\ninputs={inputs}\n"
                    f"outputs={outputs}"
                )
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._dag = build_dag(flatten(inputs), outputs)

    @property
    def operations(self) -> list[Operation]:
        """In order of decreasing depth."""
        return list(self._dag.operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return list(self._dag.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return list(self._dag.outputs)

    def __call__(self, inputs: Any) -> Any:
        self._check(inputs)
        return super().__call__(inputs)

    def call(self, inputs: Any) -> Any:
        """The outputs for new inputs."""
        known: dict[KerasTensor, Any] = dict(zip(self.inputs, flatten(inputs)))
        replay(self._dag.calls, known, lambda call, args, named: call.operation.run(*args, **named))
        return pack_like(self._outputs_struct, [known[t] for t in self.outputs])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of these shapes, in their structures."""
        shapes = iter(_shapes(input_shape))
        new = [KerasTensor(next(shapes), t.dtype) for t in self.inputs]
        outputs = self.compute_output_spec(pack_like(self._inputs_struct, new))
        return map_structure(lambda t: t.shape, outputs)

    def _check(self, inputs: Any) -> None:
        if map_structure(_nothing, inputs) != map_structure(_nothing, self._inputs_struct):
            raise ValueError(
                "Function was called with an invalid input structure. Expected input structure: "
                f"{self._inputs_struct}\nReceived input structure: {inputs}"
            )
        for x, expected in zip(flatten(inputs), self.inputs):
            shape = tuple(x.shape)
            pairs = zip(shape, expected.shape)
            known = (a == b for a, b in pairs if isinstance(a, int) and b is not None)
            if len(shape) != expected.ndim or not all(known):
                raise ValueError(
                    f"{type(self).__name__} '{self.name}' was passed incompatible inputs. For "
                    f"input '{expected.name}', expected shape {expected.shape}, but received "
                    f"instead a tensor with shape {shape}."
                )


def _nothing(_: Any) -> None: ...


def _shapes(structure: Any) -> list[tuple]:
    """The shapes in a nested structure of them."""
    if isinstance(structure, dict):
        return [shape for key in sorted(structure) for shape in _shapes(structure[key])]
    if all(d is None or isinstance(d, int) for d in structure):
        return [tuple(structure)]
    return [shape for item in structure for shape in _shapes(item)]
