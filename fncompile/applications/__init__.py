"""Networks with names, built as Keras builds them: the same layers under the same names, so that
files of weights fit."""

from __future__ import annotations

from fncompile.applications import (
    densenet,
    efficientnet,
    imagenet_utils,
    mobilenet,
    mobilenet_v2,
    resnet,
    resnet50,
    resnet_v2,
    vgg16,
    vgg19,
)
from fncompile.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from fncompile.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from fncompile.applications.mobilenet import MobileNet
from fncompile.applications.mobilenet_v2 import MobileNetV2
from fncompile.applications.resnet import ResNet50, ResNet101, ResNet152
from fncompile.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from fncompile.applications.vgg import VGG16, VGG19
from fncompile.missing import explain_missing

__all__ = [
    "VGG16",
    "VGG19",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "MobileNet",
    "MobileNetV2",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "densenet",
    "efficientnet",
    "imagenet_utils",
    "mobilenet",
    "mobilenet_v2",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
]

explain_missing(__name__, "Another can be built of layers.")
