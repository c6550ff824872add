"""Tests that fncompile does not mean to pass: the reason, and their names or patterns of names.

They are counted in a column of their own and printed with every run. What fails for any other
reason, a missing name or a difference that nobody chose, is not listed here.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

_NUMPY = "ops/numpy_test.py::"
DIFFERENCES: dict[str, tuple[str, ...]] = {
    # In what there is
    "uint32 with a signed integer is int64, as Keras' own table says; the test asks JAX, for int32":
        (_NUMPY + "NumpyDtypeTest::*'uint32', 'int8')",
         _NUMPY + "NumpyDtypeTest::*'uint32', 'int16')",
         _NUMPY + "NumpyDtypeTest::*'uint32', 'int32')",
         _NUMPY + "NumpyDtypeTest::test_bitwise_*_shift_*int*', 'uint32')"),
    "a shape cannot depend on the value of a symbolic tensor; Keras gives None":
        ("ops/math_test.py::Math*ShapeTest::test_segment_reduce?",
         "ops/math_test.py::TestMathErrors::test_segment_reduce_leading_not_match?",
         _NUMPY + "NumpyOneInputOps*ShapeTest::test_nonzero",
         "ops/core_test.py::*::test_slice_negative_one_shape_tensor_indices",
         _NUMPY + "NumpyTwoInputOps*ShapeTest::test_where",
         _NUMPY + "*::test_reshape_symbolic_tensor_shape"),
    "the lesser of two unknown extents has no symbol; Keras gives None":
        tuple(_NUMPY + "NumpyOneInputOpsDynamicShapeTest::test_" + name
              for name in ("diag", "diagonal", "repeat")),
    "x[:5] of an unknown extent gives 5, and an error for less; Keras gives None":
        (_NUMPY + "NumpyOneInputOpsDynamicShapeTest::test_get_item",),
    "an index that is a symbolic tensor of floats is refused":
        (_NUMPY + "NumpyTwoInputOps*ShapeTest::test_take",
         _NUMPY + "NumpyTwoInputOps*ShapeTest::test_take_along_axis",
         "ops/core_test.py::CoreOps*ShapeTest::test_scatter",
         "ops/core_test.py::CoreOps*ShapeTest::test_scatter_update"),
    "decompositions, ranks, least squares and views are of arrays alone, and say so of symbols":
        tuple("ops/linalg_test.py::LinalgOps*ShapeTest::test_" + op
              for op in ("eig", "eigh", "matrix_rank", "pinv", "qr", "svd"))
        + tuple("ops/linalg_test.py::LinalgOpsCorrectnessTest::test_" + op
                for op in ("lstsq_*", "matrix_rank", "pinv_*"))
        + ("ops/linalg_test.py::QrOpTest::test_compute_output_spec_*",
           _NUMPY + "NumpyOneInputOps*ShapeTest::test_view"),
    "a while_loop of symbols needs `maximum_iterations`":
        ("ops/core_test.py::CoreOps*ShapeTest::test_while_loop",
         "ops/core_test.py::CoreOpsBehaviorTests::test_while_loop_output_spec"),
    "`kth` and axes are checked where the extents are known; Keras takes what NumPy refuses":
        tuple(_NUMPY + "NumpyOneInputOps*ShapeTest::test_" + op
              for op in ("argpartition", "nancumprod", "nancumsum")),
    "the numbers are those of float32; the test expects what rounding a bias to float16 gives":
        ("ops/nn_test.py::NNOpsCorrectnessTest::test_dot_product_attention_true_none_*_true",),
    "extents of an EinsumDense that its equation has no letter for are refused":
        ("layers/core/einsum_dense_test.py::EinsumDenseTest::test_einsum_dense_constraints",),
    "there are no sparse tensors; one_hot(sparse=True) gives a dense one":
        ("ops/nn_test.py::NNOps*ShapeTest::test_one_hot",),
    "shapes that do not fit are refused at once; Keras refuses the numbers, not the symbols":
        ("ops/nn_test.py::NNOpsStaticShapeTest::test_layer_normalization",
         "ops/nn_test.py::NNOps*ShapeTest::test_psnr",
         "ops/nn_test.py::NNOps*ShapeTest::test_dot_product_attention",
         "ops/linalg_test.py::LinalgOps*ShapeTest::test_cholesky_inverse",
         _NUMPY + "NumpyTwoInputOpsDynamicShapeTest::test_tensordot"),
    "bits, divisors and exponents of two are whole numbers; Keras takes symbols of floats":
        (_NUMPY + "NumpyTwoInputOps*ShapeTest::test_bitwise_*",
         _NUMPY + "NumpyOneInputOps*ShapeTest::test_bitwise_invert",
         *(_NUMPY + "NumpyTwoInputOps*ShapeTest::test_" + op for op in ("gcd", "lcm", "ldexp"))),
    "shapes of logits and labels that do not fit are refused":
        ("ops/nn_test.py::NNOpsStaticShapeTest::test_ctc_loss",),
    "the correlations of three variables are 3 by 3 for any number of observations":
        (_NUMPY + "NumpyOneInputOpsDynamicShapeTest::test_corrcoef",),
    "concatenate(axis=None) works on symbolic tensors as on arrays; Keras refuses it":
        (_NUMPY + "NumpyOneInputOps*ShapeTest::test_concatenate",),
    "x == y of symbolic tensors is element by element; in Keras it asks for the same object":
        ("layers/core/input_layer_test.py::InputLayerTest::testing_input_tensor",),
    "add_weight takes a name in the first place, as in TF2; Keras refuses it":
        ("layers/layer_test.py::*::test_add_weight_string_as_first_positional_arg",),
    "keys that no output has are refused by compile; Keras waits for fit":
        ("models/model_test.py::ModelTest::test_functional_*_outputs_dict_losses_invalid_keys",
         "models/model_test.py::ModelTest::test_functional_*_outputs_dict_metrics_invalid_keys",
         "models/model_test.py::ModelTest::test_functional_*_dict_losses_no_output_names"),
    "two losses of one output have a log each; in Keras the second hides the first":
        ("models/model_test.py::*::test_functional_list_outputs_invalid_nested_list_losses",),
    "get_config of CosineSimilarity and Huber has axis and delta, which Keras loses":
        ("losses/losses_test.py::CosineSimilarityTest::test_config",
         "losses/losses_test.py::HuberLossTest::test_config"),
    "ops.ndim is a number; Keras gives a symbolic tensor":
        (_NUMPY + "NumpyOneInputOps*ShapeTest::test_ndim",),
    "tensors are NumPy arrays, so ops.is_tensor(array) is true":
        ("ops/core_test.py::CoreOpsCorrectnessTest::test_is_tensor",),
    "the warning of a softmax over one unit says it in other words":
        ("ops/nn_test.py::*::test_softmax_on_axis_with_size_one_warns",),
    "the message names the range (0, 1], which is the one that both accept":
        ("optimizers/lion_test.py::LionTest::test_invalid_beta_1",),
    "the array that a mask is set on by hand is NumPy's own, which carries none":
        ("layers/layer_test.py::LayerTest::test_masking_with_explicit_kwarg_propagation",),
    "with steps_per_execution an epoch has its steps, not some more to fill the last execution":
        ("trainers/*::test_steps_per_execution_steps_per_epoch_match_multi_epoch_*",),
    "with steps_per_execution the last batch that callbacks hear of is one that there was":
        ("trainers/*::test_steps_per_execution_steps_count_3_*",
         "trainers/*::test_steps_per_execution_steps_count_101_*"),
    "saving to .h5 is no legacy here and warns of nothing":
        ("saving/saving_api_test.py::SaveModelTests::test_save_h5_format",),
    "a save that fails leaves no file; Keras leaves an archive without weights":
        ("saving/saving_lib_test.py::SavingTest::test_save_model_exception_raised_*_memory_config",),
    "get_config has the dtype by name; Keras has a policy object":
        ("layers/reshaping/zero_padding*::*_get_config*",),
    # In what the test needs
    "needs to find its class in Keras' own package":
        ("layers/core/wrapper_test.py::WrapperTest::test_wrapper_basics",
         "layers/rnn/rnn_test.py::RNNTest::test_basics",
         "layers/rnn/rnn_test.py::RNNTest::test_serialization"),
    "needs the constructor of a class that is not public":
        ("layers/rnn/conv_lstm_test.py::ConvLSTMCellTest::test_correctness",),
    "needs the package `requests`, which is not what sends things here":
        ("callbacks/remote_monitor_test.py::*::test_RemoteMonitor*",),
    "needs Keras' class for several workers":
        ("trainers/*::TestMultiWorkerValidation::test_unsupported_type_multi_worker",),
    "needs to override a method that is private":
        ("layers/attention/*::test_causal_only_skipped_for_subclass",),
    "needs TensorFlow, whose TypeSpec it is about":
        ("saving/serialization_lib_test.py::*::test_deserialize_invalid_typespec_config",),
    "needs an internal function; the public one takes no file object in either":
        ("saving/saving_lib_test.py::SavingTest::test_save_to_fileobj",),
    "needs to replace a constant inside of Keras":
        ("saving/saving_lib_test.py::SafeZipReadTest::test_load_model_rejects_*bomb*",),
    "needs a file that the wheel does not carry":
        ("saving/saving_lib_test.py::*::test_legacy_load_skips_missing_nested_containers",),
    "needs Keras' own random numbers: ours are off by 2.2 standard deviations for this seed":
        ("layers/regularization/dropout_test.py::DropoutTest::test_dropout_rescaling",),
}  # fmt: skip


def reason(test: str) -> str | None:
    """Why a test ("ops/numpy_test.py::Class::test_name") is not meant to pass; None if it is."""
    for why, patterns in DIFFERENCES.items():
        if any(fnmatchcase(test, pattern) for pattern in patterns):
            return why
    return None
