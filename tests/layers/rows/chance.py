"""Layers that change images by chance, as they are when they do not train."""

# ruff: noqa: E501
from __future__ import annotations

REST = dict(call_kwargs=dict(training=False), stochastic=True, formula=lambda x: x)
SHOWN = dict(**REST, train=False)  # what they do in training is in test_mixed_images.py
IMAGE, COLOURS = (3, 4, 2), (3, 4, 3)

CASES = [
    ("random_flip", "RandomFlip", dict(mode="vertical", seed=1), IMAGE, IMAGE, REST),
    ("random_rotation", "RandomRotation", dict(factor=0.1), IMAGE, IMAGE, REST),
    ("random_zoom", "RandomZoom", dict(height_factor=0.1, width_factor=(0.1, 0.2), fill_mode="wrap"), IMAGE, IMAGE, REST),
    ("random_translation", "RandomTranslation", dict(height_factor=(-0.1, 0.2), width_factor=0.3, fill_value=1.0), IMAGE, IMAGE, REST),
    ("random_contrast", "RandomContrast", dict(factor=(0.1, 0.2), value_range=[0, 1]), IMAGE, IMAGE, REST),
    ("random_brightness", "RandomBrightness", dict(factor=0.3, data_format="channels_first"), IMAGE, IMAGE, REST),
    ("random_crop", "RandomCrop", dict(height=3, width=4), IMAGE, IMAGE, REST),
    ("random_grayscale", "RandomGrayscale", dict(factor=0.3), COLOURS, COLOURS, REST),
    ("random_invert", "RandomInvert", dict(factor=0.3), IMAGE, IMAGE, REST),
    ("random_pale", "RandomColorDegeneration", dict(factor=0.3), COLOURS, COLOURS, REST),
    ("random_posterization", "RandomPosterization", dict(factor=3), IMAGE, IMAGE, REST),
    ("random_erasing", "RandomErasing", dict(factor=0.3, fill_value=[1.0, 2.0, 3.0]), COLOURS, COLOURS, SHOWN),
    ("mix_up", "MixUp", dict(alpha=0.3), IMAGE, IMAGE, SHOWN),
    ("cut_mix", "CutMix", dict(factor=0.3, data_format="channels_first"), IMAGE, IMAGE, SHOWN),
    ("random_hue", "RandomHue", dict(factor=0.3, value_range=[0, 1]), COLOURS, COLOURS, SHOWN),
    ("random_saturation", "RandomSaturation", dict(factor=0.3), COLOURS, COLOURS, SHOWN),
    ("colour_jitter", "RandomColorJitter", dict(hue_factor=0.2, contrast_factor=0.1), COLOURS, COLOURS, SHOWN),
    ("random_sharpness", "RandomSharpness", dict(factor=0.3), IMAGE, IMAGE, SHOWN),
    ("random_blur", "RandomGaussianBlur", dict(factor=0.3, kernel_size=(3, 5)), IMAGE, IMAGE, SHOWN),
    ("random_shear", "RandomShear", dict(x_factor=0.3, y_factor=(0.1, 0.2)), IMAGE, IMAGE, SHOWN),
    ("random_perspective", "RandomPerspective", dict(factor=0.3, scale=0.5), IMAGE, IMAGE, SHOWN),
    ("random_elastic", "RandomElasticTransform", dict(factor=0.3, scale=(0.1, 0.5)), IMAGE, IMAGE, SHOWN),
    ("rand_augment", "RandAugment", dict(num_ops=1, factor=0.2), COLOURS, COLOURS, SHOWN),
    ("aug_mix", "AugMix", dict(num_chains=2, all_ops=False), COLOURS, COLOURS, SHOWN),
    ("equalization", "Equalization", dict(bins=16), IMAGE, IMAGE, SHOWN),
    ("solarization", "Solarization", dict(addition_factor=0.2), IMAGE, IMAGE, REST),
]  # fmt: skip
