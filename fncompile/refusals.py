"""Why fncompile does not have a name that Keras has: one sentence for all names it is said of.

A test asks that each name of `keras_names` is there, is somewhere else, or has its reason here.
"""

from __future__ import annotations

LORA = (
    "LoRA is not part of fncompile. Freeze the layer by `trainable = False` and add the product of "
    "two narrow Dense layers without bias to what it gives."
)
_COMPLEX = "there are no complex numbers; `ops.fft` and its kin take and give pairs of real tensors"
QUANTIZED = (
    "weights are not quantised; the policy `mixed_bfloat16` halves what they and the work cost"
)
_WRAPPED = (
    "it calls another framework, of which no C can be made: write the layer in `fncompile.ops`"
)
_OLD = "it is for names of Keras 2; files of that time open all the same"
_NO_BACKEND = "there is no backend to choose, models become C"
_WHOLE = "a model is whole in every process; `distribution.DataParallel` shares the batch out"
_PICTURES = "it draws by Matplotlib and OpenCV, which take the arrays that images are"
_MODELS = (
    "of the image models there are VGG, ResNet, MobileNet 1 and 2, DenseNet and EfficientNet; "
    "another can be built of layers"
)

_TABLE = {
    "": {
        "Quantizer quantizers": QUANTIZED,
        "SymbolicScope": "it is of Keras' own tracing; calls on symbolic tensors need no scope",
        "distillation": "write the student's `compute_loss` or `train_step`, docs/steps.md",
        "legacy": _OLD,
        "visualization": _PICTURES,
    },
    "applications": {
        "ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge EfficientNetV2B0"
        " EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M"
        " EfficientNetV2S InceptionResNetV2 InceptionV3 MobileNetV3Large MobileNetV3Small"
        " NASNetLarge NASNetMobile Xception convnext efficientnet_v2 inception_resnet_v2"
        " inception_v3 mobilenet_v3 nasnet xception": _MODELS,
    },
    "callbacks": {
        "OrbaxCheckpoint": "it writes by JAX's Orbax; `ModelCheckpoint` and `BackupAndRestore` "
        "write files that every process opens",
    },
    "config": {
        "enable_unsafe_deserialization": "code in files is allowed file by file, by "
        "`load_model(..., safe_mode=False)`",
        "is_nnx_enabled": "it asks about Flax, which is not there",
        "set_backend": _NO_BACKEND,
    },
    "distribution": {"LayoutMap ModelParallel distribute_tensor": _WHOLE},
    "dtype_policies": {
        "AWQDTypePolicy GPTQDTypePolicy Int4DTypePolicy QuantizedDTypePolicy"
        " QuantizedFloat8DTypePolicy": QUANTIZED,
    },
    "export": {"ExportArchive": "`model.export` writes a library, its header and its weights"},
    "layers": {"FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper": _WRAPPED},
    "ops": {"polar view_as_complex view_as_real": _COMPLEX},
    "ops.nn": {"polar": _COMPLEX},
    "optimizers": {"legacy": _OLD},
    "utils": {
        "legacy": _OLD,
    },
}
REASONS = {
    f"{room}.{name}".lstrip("."): reason
    for room, rows in _TABLE.items()
    for names, reason in rows.items()
    for name in names.split()
}
