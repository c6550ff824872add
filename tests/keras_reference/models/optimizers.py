"""Every optimizer with its options, each on the same network."""

from __future__ import annotations

from tests.keras_reference.data import floats, ints
from tests.keras_reference.models.losses import mlp

# Learning rates large enough for 20 steps to show a mistake.
OPTIMIZERS = {
    "sgd": lambda opt: opt.SGD(0.1),
    "sgd_momentum": lambda opt: opt.SGD(0.05, momentum=0.9),
    "sgd_nesterov": lambda opt: opt.SGD(0.05, momentum=0.9, nesterov=True),
    "sgd_weight_decay": lambda opt: opt.SGD(0.1, weight_decay=0.1),
    "rmsprop": lambda opt: opt.RMSprop(0.01),
    "rmsprop_momentum": lambda opt: opt.RMSprop(0.005, rho=0.8, momentum=0.7, epsilon=1e-4),
    "rmsprop_centered": lambda opt: opt.RMSprop(0.005, centered=True, epsilon=1e-4),
    "rmsprop_all": lambda opt: opt.RMSprop(0.005, momentum=0.7, centered=True, epsilon=1e-4),
    "adam": lambda opt: opt.Adam(0.02),
    "adam_betas": lambda opt: opt.Adam(0.02, beta_1=0.7, beta_2=0.9, epsilon=1e-3),
    "adam_amsgrad": lambda opt: opt.Adam(0.02, beta_2=0.8, amsgrad=True),
    "adam_weight_decay": lambda opt: opt.Adam(0.02, weight_decay=0.3),
    "adamw": lambda opt: opt.AdamW(0.02),
    "adamw_strong": lambda opt: opt.AdamW(0.02, weight_decay=0.5, amsgrad=True),
    "nadam": lambda opt: opt.Nadam(0.02),
    "ftrl": lambda opt: opt.Ftrl(0.2),
    "ftrl_all": lambda opt: opt.Ftrl(
        0.2, -0.4, 0.2, l1_regularization_strength=0.01, l2_regularization_strength=0.02,
        l2_shrinkage_regularization_strength=0.03, beta=0.1,
    ),
    "lamb": lambda opt: opt.Lamb(0.02, weight_decay=0.1),
    "adafactor": lambda opt: opt.Adafactor(0.1),
    "adafactor_own_rate": lambda opt: opt.Adafactor(0.05, relative_step=False, clip_threshold=0.8),
    "muon": lambda opt: opt.Muon(0.02),
    "muon_all": lambda opt: opt.Muon(
        0.02, nesterov=False, rms_rate=None, exclude_layers=["second"], weight_decay=0.2,
        adam_lr_ratio=0.5, ns_steps=3,
    ),
    "schedule_free": lambda opt: opt.ScheduleFreeAdamW(0.02),
    "schedule_free_warmup": lambda opt: opt.ScheduleFreeAdamW(
        0.02, beta_1=0.8, warmup_steps=6, weight_decay=0.1
    ),
    "loss_scale": lambda opt: opt.LossScaleOptimizer(
        opt.Adam(0.02, global_clipnorm=0.05), initial_scale=8.0, dynamic_growth_steps=3
    ),
    "loss_scale_factor": lambda opt: opt.Nadam(0.02, clipvalue=0.02, loss_scale_factor=64.0),
    "several": lambda opt: opt.MultiOptimizer(opt.OptimizerMap(
        opt.SGD(0.1), {"first/.*": opt.Adam(0.02, clipnorm=0.1), "head/bias": opt.RMSprop(0.01)}
    )),
    "clipnorm": lambda opt: opt.SGD(0.3, clipnorm=0.1),
    "clipvalue": lambda opt: opt.SGD(0.3, clipvalue=0.02),
    "global_clipnorm": lambda opt: opt.Adam(0.02, global_clipnorm=0.05),
    "accumulation": lambda opt: opt.SGD(0.3, momentum=0.9, gradient_accumulation_steps=3),
    "accumulation_of_adam": lambda opt: opt.Adam(
        0.02, gradient_accumulation_steps=5, global_clipnorm=0.05, weight_decay=0.1
    ),
    "ema": lambda opt: opt.RMSprop(0.01, use_ema=True, ema_momentum=0.8),
    "ema_overwrite": lambda opt: opt.Adam(
        0.02, use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=3
    ),
    "accumulation_and_ema": lambda opt: opt.AdamW(
        opt.schedules.ExponentialDecay(0.03, 5, 0.5), clipnorm=0.1, gradient_accumulation_steps=2,
        use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=4,
    ),
    "exponential_decay": lambda opt: opt.SGD(opt.schedules.ExponentialDecay(0.3, 5, 0.5)),
    "exponential_staircase": lambda opt: opt.SGD(
        opt.schedules.ExponentialDecay(0.3, 5, 0.5, staircase=True)
    ),
    "piecewise": lambda opt: opt.Adam(
        opt.schedules.PiecewiseConstantDecay([3, 11], [0.05, 0.02, 0.001])
    ),
    "polynomial": lambda opt: opt.SGD(opt.schedules.PolynomialDecay(0.3, 12, 0.01, power=2.0)),
    "polynomial_cycle": lambda opt: opt.SGD(
        opt.schedules.PolynomialDecay(0.3, 8, 0.01, cycle=True)
    ),
    "inverse_time": lambda opt: opt.SGD(opt.schedules.InverseTimeDecay(0.3, 4, 0.6)),
    "cosine_warmup": lambda opt: opt.SGD(
        opt.schedules.CosineDecay(0.0, 15, 0.1, warmup_target=0.3, warmup_steps=4)
    ),
    "cosine_restarts": lambda opt: opt.RMSprop(
        opt.schedules.CosineDecayRestarts(0.02, 4, t_mul=1.5, m_mul=0.8)
    ),
}


def build_with_optimizer(keras, name):
    optimizer = OPTIMIZERS[name](keras.optimizers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return mlp(keras, 3), dict(optimizer=optimizer, loss=loss), floats(6), ints(3), {}
