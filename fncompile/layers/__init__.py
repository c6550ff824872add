"""Keras' layers, and what users write their own with."""

from __future__ import annotations

from typing import Any

from fncompile.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fncompile.layers.attention.additive import AdditiveAttention
from fncompile.layers.attention.dot_product import Attention
from fncompile.layers.attention.grouped_query import GroupedQueryAttention as GroupQueryAttention
from fncompile.layers.attention.multi_head import MultiHeadAttention
from fncompile.layers.base import Layer
from fncompile.layers.convolution.conv import Conv1D, Conv2D, Conv3D
from fncompile.layers.convolution.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from fncompile.layers.convolution.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from fncompile.layers.core import Activation, Dense, Identity, Lambda
from fncompile.layers.einsum_dense import EinsumDense
from fncompile.layers.embedding import Embedding
from fncompile.layers.input import Input, InputLayer
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.joining import Concatenate, Dot
from fncompile.layers.masking import Masking
from fncompile.layers.merge_functions import (
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fncompile.layers.merging import Add, Average, Maximum, Minimum, Multiply, Subtract
from fncompile.layers.normalization.batch_normalization import BatchNormalization
from fncompile.layers.normalization.group_normalization import GroupNormalization
from fncompile.layers.normalization.layer_normalization import LayerNormalization
from fncompile.layers.normalization.rms_normalization import RMSNormalization
from fncompile.layers.normalization.spectral_normalization import SpectralNormalization
from fncompile.layers.normalization.unit_normalization import UnitNormalization
from fncompile.layers.pooling.adaptive import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from fncompile.layers.pooling.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from fncompile.layers.pooling.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from fncompile.layers.preprocessing.bounding_boxes import MaxNumBoundingBoxes
from fncompile.layers.preprocessing.category_encoding import CategoryEncoding
from fncompile.layers.preprocessing.discretization import Discretization
from fncompile.layers.preprocessing.equalization import (
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
)
from fncompile.layers.preprocessing.hashing import HashedCrossing, Hashing
from fncompile.layers.preprocessing.integer_lookup import IntegerLookup
from fncompile.layers.preprocessing.normalization import Normalization
from fncompile.layers.preprocessing.pipeline import Pipeline
from fncompile.layers.preprocessing.random_choices import AugMix, RandAugment
from fncompile.layers.preprocessing.random_color import RandomBrightness, RandomContrast
from fncompile.layers.preprocessing.random_filters import RandomGaussianBlur, RandomSharpness
from fncompile.layers.preprocessing.random_geometry import (
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from fncompile.layers.preprocessing.random_hues import (
    RandomColorJitter,
    RandomHue,
    RandomSaturation,
)
from fncompile.layers.preprocessing.random_mixing import CutMix, MixUp, RandomErasing
from fncompile.layers.preprocessing.random_tones import (
    AutoContrast,
    RandomColorDegeneration,
    RandomGrayscale,
    RandomInvert,
    RandomPosterization,
    Solarization,
)
from fncompile.layers.preprocessing.random_warps import (
    RandomElasticTransform,
    RandomPerspective,
    RandomShear,
)
from fncompile.layers.preprocessing.rescaling import Rescaling
from fncompile.layers.preprocessing.resizing import CenterCrop, Resizing
from fncompile.layers.preprocessing.spectrograms import MelSpectrogram, STFTSpectrogram
from fncompile.layers.preprocessing.string_lookup import StringLookup
from fncompile.layers.preprocessing.text_vectorization import TextVectorization
from fncompile.layers.regularization.activity import ActivityRegularization
from fncompile.layers.regularization.dropout import Dropout
from fncompile.layers.regularization.noise import AlphaDropout, GaussianDropout, GaussianNoise
from fncompile.layers.regularization.spatial_dropout import (
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from fncompile.layers.reshaping.cropping import Cropping1D, Cropping2D, Cropping3D
from fncompile.layers.reshaping.padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D
from fncompile.layers.reshaping.shapes import Flatten, Permute, RepeatVector, Reshape
from fncompile.layers.reshaping.upsampling import UpSampling1D, UpSampling2D, UpSampling3D
from fncompile.layers.reversible_embedding import ReversibleEmbedding
from fncompile.layers.rnn.bidirectional import Bidirectional
from fncompile.layers.rnn.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from fncompile.layers.rnn.gru import GRU
from fncompile.layers.rnn.gru_cell import GRUCell
from fncompile.layers.rnn.lstm import LSTM
from fncompile.layers.rnn.lstm_cell import LSTMCell
from fncompile.layers.rnn.rnn import RNN
from fncompile.layers.rnn.simple_rnn import SimpleRNN
from fncompile.layers.rnn.simple_rnn_cell import SimpleRNNCell
from fncompile.layers.rnn.stacked_cells import StackedRNNCells
from fncompile.layers.rnn.time_distributed import TimeDistributed
from fncompile.layers.wrapper import Wrapper
from fncompile.missing import explain_missing

# Keras' other names
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D


def serialize(layer: Layer) -> Any:
    """A layer as JSON-ready data.

    `layer`: any layer.

    >>> layers.serialize(layers.ReLU())["class_name"]
    'ReLU'
    """
    from fncompile.saving import serialize_keras_object

    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Layer:
    """The layer that `serialize` described; TypeError for a class that nobody knows.

    `config`: what `serialize` gave; `custom_objects`: names of the user's.

    >>> layers.deserialize(layers.serialize(layers.ReLU(max_value=6.0))).max_value
    6.0
    """
    from fncompile.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects=custom_objects)


__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

explain_missing(
    __name__, "Another can be written as a subclass of `layers.Layer`, in `fncompile.ops`."
)
