"""Networks with names, built as Keras builds them: the same layers under the same names, so that
files of weights fit."""

from __future__ import annotations

from fncompile.applications.densenet import DenseNet121
from fncompile.applications.mobilenet import MobileNet
from fncompile.applications.mobilenet_v2 import MobileNetV2
from fncompile.applications.resnet import ResNet50, ResNet101
from fncompile.applications.vgg import VGG16, VGG19
from fncompile.missing import explain_missing

__all__ = [
    "VGG16",
    "VGG19",
    "DenseNet121",
    "MobileNet",
    "MobileNetV2",
    "ResNet50",
    "ResNet101",
]

explain_missing(__name__, "Another can be built of layers.")
