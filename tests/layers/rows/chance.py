"""Layers that change images by chance, as they are when they do not train."""

# ruff: noqa: E501
from __future__ import annotations

REST = dict(call_kwargs=dict(training=False), stochastic=True, formula=lambda x: x)
IMAGE = (3, 4, 2)

CASES = [
    ("random_flip", "RandomFlip", dict(mode="vertical", seed=1), IMAGE, IMAGE, REST),
    ("random_rotation", "RandomRotation", dict(factor=0.1), IMAGE, IMAGE, REST),
    ("random_zoom", "RandomZoom", dict(height_factor=0.1, width_factor=(0.1, 0.2), fill_mode="wrap"), IMAGE, IMAGE, REST),
    ("random_translation", "RandomTranslation", dict(height_factor=(-0.1, 0.2), width_factor=0.3, fill_value=1.0), IMAGE, IMAGE, REST),
    ("random_contrast", "RandomContrast", dict(factor=(0.1, 0.2), value_range=[0, 1]), IMAGE, IMAGE, REST),
    ("random_brightness", "RandomBrightness", dict(factor=0.3, data_format="channels_first"), IMAGE, IMAGE, REST),
    ("random_crop", "RandomCrop", dict(height=3, width=4), IMAGE, IMAGE, REST),
]  # fmt: skip
