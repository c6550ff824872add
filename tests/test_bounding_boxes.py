"""Boxes: formats, what moves them, what compares them, against plain loops in float64 and against
numbers of Keras 3.15.1; and compiled in a layer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.utils import bounding_boxes as bb

HEIGHT, WIDTH = 40, 60
RNG = np.random.default_rng(3)
LOW = RNG.uniform(0, 20, (2, 5, 2))
CORNERS = np.concatenate([LOW, LOW + RNG.uniform(2, 20, (2, 5, 2))], -1)


def in_format(box, name):
    """One xyxy box in another format, the plain way."""
    x1, y1, x2, y2 = box
    if name.startswith("rel_"):
        x1, y1, x2, y2 = x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT
    return {
        "xyxy": (x1, y1, x2, y2), "yxyx": (y1, x1, y2, x2), "xywh": (x1, y1, x2 - x1, y2 - y1),
        "center_xywh": ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
        "center_yxhw": ((y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1),
    }[name.removeprefix("rel_")]  # fmt: skip


def boxes_in(name):
    return np.apply_along_axis(in_format, -1, CORNERS, name)


@pytest.mark.parametrize(("source", "target"), list(itertools.product(bb.FORMATS, repeat=2)))
def test_every_format_becomes_every_other(source, target):
    found = bb.convert_format(boxes_in(source), source, target, HEIGHT, WIDTH)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, boxes_in(target), rtol=2e-6, atol=2e-6)


def test_formats_are_read_in_any_case_and_dicts_keep_their_other_parts():
    data = {"boxes": boxes_in("xywh"), "labels": [1, 2]}
    found = bb.convert_format(data, "xyWH", "XYXY")
    np.testing.assert_allclose(found["boxes"], CORNERS, rtol=2e-6)
    assert found["labels"] == [1, 2] and data["boxes"] is not found["boxes"]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: bb.convert_format(CORNERS, "none", "xyxy"), "format 'none'. Supported"),
    (lambda: bb.convert_format(CORNERS[..., :3], "xyxy", "xywh"), "last dimension of 4"),
    (lambda: bb.convert_format(CORNERS, "xyxy", "rel_xyxy"), "must receive `height` and `width`"),
    (lambda: bb.clip_to_image_size({"boxes": CORNERS}), "`height` and `width` must be set"),
    (lambda: bb.compute_iou(CORNERS[0, 0], CORNERS, "xyxy"), r"boxes1.shape=\(4,\)"),
    (lambda: bb.compute_iou(CORNERS, CORNERS, "rel_xyxy"), "`image_shape`"),
    (lambda: bb.encode_box_to_deltas(CORNERS[0], CORNERS, "xyxy", "xyxy", "xywh"), "got xywh"),
    (lambda: bb.decode_deltas_to_boxes(CORNERS[0], CORNERS, "xyxy", "xyxy", variance=[1, 2]),
     "`variance` must be length 4"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("call", [
    lambda: bb.crop(CORNERS, 1, 2, 3, 4, bounding_box_format="xywh"),
    lambda: bb.pad(CORNERS, 1, 2, bounding_box_format="xywh"),
    lambda: bb.clip_to_image_size({"boxes": CORNERS}, 3, 4, bounding_box_format="xywh"),
    lambda: bb.affine_transform(CORNERS, 0, 0, 0, 1, 0, 0, 3, 4, bounding_box_format="xywh"),
])  # fmt: skip
def test_a_format_that_has_to_be_converted_first_is_told(call):
    with pytest.raises(NotImplementedError, match="'xywh'"):
        call()


@pytest.mark.parametrize("relative", [False, True])
def test_clipped_boxes_stay_inside_and_lose_their_labels_outside(relative):
    wide = CORNERS * 3 - 20
    form, size = ("rel_xyxy", (1, 1)) if relative else ("xyxy", (HEIGHT, WIDTH))
    if relative:
        wide = wide / [WIDTH, HEIGHT, WIDTH, HEIGHT]
    labels = np.arange(10).reshape(2, 5)
    found = bb.clip_to_image_size({"boxes": wide, "labels": labels, "more": 1}, HEIGHT, WIDTH, form)
    expected = np.stack([wide[..., i].clip(0, size[1 - i % 2]) for i in range(4)], -1)
    np.testing.assert_allclose(found["boxes"], expected, rtol=1e-6, atol=1e-6)
    empty = (expected[..., 2] <= expected[..., 0]) | (expected[..., 3] <= expected[..., 1])
    assert empty.any() and not empty.all() and found["more"] == 1
    np.testing.assert_array_equal(found["labels"], np.where(empty, -1, labels))


def test_boxes_move_with_a_crop_and_with_rows_in_front():
    found = bb.crop(CORNERS, 5, 7, 12, 9)
    moved = CORNERS - [7, 5, 7, 5]
    np.testing.assert_allclose(found, moved.clip(0, [9, 12, 9, 12]), rtol=1e-6)
    np.testing.assert_allclose(bb.pad(CORNERS, 5, 7), CORNERS - [-7, -5, -7, -5], rtol=1e-6)


# What Keras 3.15.1 makes of the box 2, 3, 20, 15 with both shears and a rotation; its matrix is the
# inverse of no composition of these then.
KERAS_TURNED = [-26.492162704467773, -16.546855926513672, 10.797725677490234, 11.283279418945312]


def turned(corners, angle, tx, ty, scale, shear_x, shear_y, cx, cy):
    """The box around one that is moved, point by point."""
    turn, shear_x, shear_y = (-math.radians(v) for v in (angle, shear_x, shear_y))
    a, c = math.cos(turn - shear_y), -math.sin(turn - shear_y)
    a, c = a / math.cos(shear_y), c / math.cos(shear_y)
    forward = np.array([[a, a * math.tan(shear_x) + math.sin(turn)],
                        [c, math.cos(turn) - c * math.tan(shear_x)]])  # fmt: skip
    inverse = np.linalg.inv(forward) * scale
    middle = np.array([cx * (WIDTH - 1), cy * (HEIGHT - 1)])
    shift = np.array([tx * (WIDTH - 1), ty * (HEIGHT - 1)])
    x1, y1, x2, y2 = corners
    points = [inverse @ (np.array(p) + shift - middle) + middle
              for p in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]  # fmt: skip
    return [*np.min(points, 0), *np.max(points, 0)]


def test_boxes_turn_with_their_image():
    names = ("angle", "tx", "ty", "scale", "shear_x", "shear_y")
    each = [(30.0, 0.1, -0.2, 1.5, 0.0, 12.0), (0.0, 0.0, 0.3, 0.5, 10.0, 0.0)]
    columns = dict(zip(names, np.array(each).T, strict=True))
    found = bb.affine_transform(CORNERS, *columns.values(), HEIGHT, WIDTH, 0.4, 0.6)
    expected = [[turned(box, *row, 0.4, 0.6) for box in image]
                for image, row in zip(CORNERS, each, strict=True)]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-4)
    one = bb.affine_transform(CORNERS[0], *each[0], HEIGHT, WIDTH, 0.4, 0.6)
    np.testing.assert_allclose(one, expected[0], rtol=2e-5, atol=1e-4)
    keras = bb.affine_transform(
        [[2.0, 3.0, 20.0, 15.0]], 30, 0.1, -0.2, 1.5, 10, 5, HEIGHT, WIDTH, 0.4, 0.6
    )
    np.testing.assert_allclose(keras, [KERAS_TURNED], rtol=1e-5)
    same = bb.affine_transform(CORNERS, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, HEIGHT, WIDTH)
    np.testing.assert_allclose(same, CORNERS, rtol=1e-5)


def plain_iou(one, two):
    width = max(min(one[2], two[2]) - max(one[0], two[0]), 0)
    height = max(min(one[3], two[3]) - max(one[1], two[1]), 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, two)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("form", ["yxyx", "rel_xywh"])
def test_the_iou_of_each_two_boxes(form):
    others = CORNERS[::-1, :4] + 3
    expected = [[[plain_iou(a, b) for b in others[i]] for a in CORNERS[i]] for i in range(2)]
    shape = (HEIGHT, WIDTH, 3)
    one = bb.convert_format(CORNERS, "xyxy", form, HEIGHT, WIDTH)
    two = bb.convert_format(others, "xyxy", form, HEIGHT, WIDTH)
    found = bb.compute_iou(one, two, form, image_shape=shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    alone = bb.compute_iou(one[0], two[0], form, image_shape=shape)
    np.testing.assert_allclose(alone, expected[0], rtol=1e-4, atol=1e-6)
    for left, right in ((one[0], two), (one, two[0])):  # one of them for all images
        both = bb.compute_iou(left, right, form, image_shape=shape)
        assert both.shape == (2, 5, 4)
        np.testing.assert_allclose(both[0], expected[0], rtol=1e-4, atol=1e-6)


def test_boxes_that_are_none_are_masked():
    boxes = CORNERS[0].copy()
    boxes[1] = -1
    found = bb.compute_iou(boxes, CORNERS[0], "xyxy", use_masking=True, mask_val=-7)
    assert (found[1] == -7).all() and (np.delete(found, 1, 0) >= 0).all()
    found = bb.compute_iou(CORNERS[0], boxes, "xyxy", use_masking=True)
    assert (found[:, 1] == -1).all() and (np.delete(found, 1, 1) >= 0).all()


def plain_ciou(one, two):
    iou = plain_iou(one, two)
    around = [max(one[i + 2], two[i + 2]) - min(one[i], two[i]) for i in (0, 1)]
    apart = [(one[i] + one[i + 2] - two[i] - two[i + 2]) / 2 for i in (0, 1)]
    angle1, angle2 = (math.atan((b[2] - b[0]) / (b[3] - b[1])) for b in (one, two))
    v = 4 / math.pi**2 * (angle2 - angle1) ** 2
    return iou - sum(a * a for a in apart) / sum(a * a for a in around) - v * v / (1 - iou + v)


def test_the_ciou_of_boxes_one_by_one():
    others = CORNERS[::-1] * 1.1 + 2
    expected = [[plain_ciou(a, b) for a, b in zip(one, two, strict=True)]
                for one, two in zip(CORNERS, others, strict=True)]  # fmt: skip
    np.testing.assert_allclose(bb.compute_ciou(CORNERS, others, "xyxy"), expected, atol=1e-5)
    keras = bb.compute_ciou([[100, 101, 200, 201]], [[101, 102, 201, 202]], "yxyx")
    np.testing.assert_allclose(keras, [0.96087853672], rtol=1e-6)  # what Keras' own test expects


@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
def test_deltas_lead_back_to_the_boxes(encoding, variance):
    anchors = CORNERS[0] + RNG.uniform(-2, 2, (5, 4))
    deltas = bb.encode_box_to_deltas(anchors, boxes_in("rel_xywh"), "xyxy", "rel_xywh", encoding,
                                     variance, (HEIGHT, WIDTH, 3))  # fmt: skip
    assert deltas.shape == (2, 5, 4)
    a, b = (np.array(in_format(box, encoding)) for box in (anchors[2], CORNERS[1, 2]))
    expected = np.array([*(b[:2] - a[:2]) / a[2:], *np.log(b[2:] / a[2:])])
    np.testing.assert_allclose(deltas[1, 2], expected / (variance or 1), rtol=1e-4, atol=1e-5)
    levels = bb.decode_deltas_to_boxes({"p3": anchors}, {"p3": deltas}, "xyxy", "yxyx", encoding,
                                       variance)  # fmt: skip
    np.testing.assert_allclose(levels["p3"], boxes_in("yxyx"), rtol=1e-4, atol=1e-4)


def test_boxes_are_compared_in_a_compiled_model():
    one, two = fncompile.Input((5, 4)), fncompile.Input((4, 4))
    iou = layers.Lambda(lambda both: bb.compute_iou(both[0], both[1], "xywh"))([one, two])
    model = fncompile.Model([one, two], iou)
    x, y = boxes_in("xywh").astype("float32"), boxes_in("xywh")[:, :4].astype("float32")
    found = model.predict([x, y], verbose=0)
    np.testing.assert_allclose(found, bb.compute_iou(x, y, "xywh"), rtol=1e-6)
