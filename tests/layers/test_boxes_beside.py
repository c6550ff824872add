"""Boxes and masks that go with their images: a bright rectangle is where its box says, whatever
moved it. The oracle is where the bright pixels are, to a pixel, as edges become means."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.utils import bounding_boxes as bb

HEIGHT, WIDTH, COUNT = 40, 60, 3
FORM = {"bounding_box_format": "xyxy"}
AWAY = {"fill_mode": "constant", "seed": 1, **FORM}
MOVES = {
    "flip": lambda: layers.RandomFlip(seed=1, **FORM),
    "flip_down": lambda: layers.RandomFlip("vertical", seed=2, **FORM),
    "turn": lambda: layers.RandomRotation(0.1, **AWAY),
    "shift": lambda: layers.RandomTranslation(0.1, 0.1, **AWAY),
    "zoom": lambda: layers.RandomZoom((-0.3, 0.3), (-0.3, 0.3), **AWAY),
    "shear": lambda: layers.RandomShear(0.2, 0.2, **AWAY),
    "tilt": lambda: layers.RandomPerspective(1.0, 0.3, seed=1, **FORM),
    "piece": lambda: layers.RandomCrop(35, 55, seed=1, **FORM),
    "enlarged_piece": lambda: layers.RandomCrop(80, 120, seed=1, **FORM),
    "stretched": lambda: layers.Resizing(80, 90, **FORM),
    "with_edges": lambda: layers.Resizing(80, 90, pad_to_aspect_ratio=True, **FORM),
    "cut": lambda: layers.Resizing(80, 90, crop_to_aspect_ratio=True, **FORM),
    "middle": lambda: layers.CenterCrop(35, 51, **FORM),
    "enlarged_middle": lambda: layers.CenterCrop(70, 90, **FORM),
}


def scene(seed=0):
    rng = np.random.default_rng(seed)
    images, boxes = np.zeros((COUNT, HEIGHT, WIDTH, 1), "float32"), []
    for image in images:
        x, y = rng.integers(15, 25), rng.integers(10, 15)
        right, down = x + rng.integers(6, 14), y + rng.integers(5, 12)
        image[y:down, x:right] = 1
        boxes.append([[x, y, right, down]])
    found = {"boxes": np.array(boxes, "float32"), "labels": np.arange(COUNT)[:, None]}
    return {"images": images, "bounding_boxes": found, "segmentation_masks": 3 * images}


def bright(images):
    found = []
    for image in images[..., 0]:
        rows, columns = np.nonzero(image > 0.5)
        found.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return np.array(found)


@pytest.mark.parametrize("name", MOVES)
def test_a_box_is_where_its_pixels_are(name):
    data = scene()
    moved = MOVES[name]()(data)
    boxes = moved["bounding_boxes"]["boxes"][:, 0]
    np.testing.assert_allclose(boxes, bright(moved["images"]), atol=1.0)
    assert not np.array_equal(boxes, data["bounding_boxes"]["boxes"][:, 0])
    np.testing.assert_array_equal(moved["bounding_boxes"]["labels"], np.arange(COUNT)[:, None])
    masks = moved["segmentation_masks"]
    assert set(np.unique(masks)) == {0.0, 3.0}  # class numbers, no means
    assert (np.round(moved["images"]) != masks / 3).mean() < 0.005


@pytest.mark.parametrize("form", bb.FORMATS)
def test_boxes_of_every_format_come_back_in_it(form):
    layer = layers.CenterCrop(30, 50, bounding_box_format=form)
    corners = scene()["bounding_boxes"]["boxes"]
    given = bb.convert_format(corners, "xyxy", form, HEIGHT, WIDTH)
    moved = layer({**scene(), "bounding_boxes": {"boxes": given, "labels": np.ones((COUNT, 1))}})
    found = bb.convert_format(moved["bounding_boxes"]["boxes"], form, "xyxy", 30, 50)
    np.testing.assert_allclose(found, corners - [5, 5, 5, 5], rtol=1e-5)
    assert type(layer).from_config(layer.get_config()).bounding_box_format == form


def test_one_image_and_channels_in_front():
    data = scene()
    one = {"images": data["images"][0],
           "bounding_boxes": {k: v[0] for k, v in data["bounding_boxes"].items()}}  # fmt: skip
    flip = layers.RandomFlip("horizontal", seed=4, **FORM)
    moved = flip(one)
    np.testing.assert_array_equal(moved["bounding_boxes"]["boxes"], bright(moved["images"][None]))
    first = layers.RandomZoom((0.2, 0.2), data_format="channels_first", **AWAY)
    turned = {k: np.moveaxis(data[k], -1, 1) for k in ("images", "segmentation_masks")}
    moved = first({**data, **turned})
    found = bright(np.moveaxis(moved["images"], 1, -1))
    np.testing.assert_allclose(moved["bounding_boxes"]["boxes"][:, 0], found, atol=1.0)


def test_a_box_that_leaves_is_no_more():
    """It has no area and the label -1."""
    away = layers.RandomTranslation((0.9, 0.9), (0.0, 0.0), **AWAY)
    moved = away(scene())["bounding_boxes"]
    assert moved["labels"].tolist() == [[-1]] * COUNT
    x1, y1, x2, y2 = np.moveaxis(moved["boxes"], -1, 0)
    np.testing.assert_array_equal((x2 - x1) * (y2 - y1), 0)


def test_numbers_that_were_drawn_once_move_all_that_belongs_together():
    data, layer = scene(), MOVES["turn"]()
    drawn = layer.get_random_transformation(data)
    images = layer.transform_images(data["images"], drawn)
    boxes = layer.transform_bounding_boxes(data["bounding_boxes"], drawn)
    np.testing.assert_allclose(boxes["boxes"][:, 0], bright(images), atol=1.0)
    assert layer.get_random_transformation(data, training=False) is None
    again = layer.get_random_transformation(data, seed=fncompile.random.SeedGenerator(1))
    np.testing.assert_array_equal(again["angle"], drawn["angle"])
    np.testing.assert_array_equal(layer.transform_images(data["images"], None), data["images"])


@pytest.mark.parametrize("name", ["flip", "turn", "tilt", "piece"])
def test_without_training_nothing_is_drawn(name):
    layer, data = MOVES[name](), scene()
    moved = layer(data, training=False)
    np.testing.assert_allclose(
        moved["bounding_boxes"]["boxes"][:, 0], bright(moved["images"]), atol=1.0
    )


def test_compiled_they_are_moved_as_on_arrays():
    shapes = {"images": (HEIGHT, WIDTH, 1), "boxes": (1, 4)}
    images, boxes = fncompile.Input(shapes["images"]), fncompile.Input(shapes["boxes"])
    labels = fncompile.Input((1,))
    layer = layers.Resizing(30, 30, pad_to_aspect_ratio=True, **FORM)
    out = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}})
    model = fncompile.Model([images, boxes, labels], out["bounding_boxes"]["boxes"])
    data = scene()
    given = data["bounding_boxes"]
    found = model.predict([data["images"], given["boxes"], given["labels"]], verbose=0)
    expected = layer({"images": data["images"], "bounding_boxes": given})["bounding_boxes"]
    np.testing.assert_allclose(found, expected["boxes"], rtol=1e-6)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(bounding_boxes={"boxes": np.ones((3, 1, 4))}), "a dict of `boxes` and `labels`"),
        (dict(bounding_boxes=np.ones((3, 1, 4))), "a dict of `boxes` and `labels`"),
    ],
)
def test_what_is_no_dict_of_boxes_is_refused(change, words):
    for name in ("flip", "stretched"):
        with pytest.raises(ValueError, match=words):
            MOVES[name]()({**scene(), **change})


def test_a_format_is_asked_for_where_there_are_boxes():
    for layer in (layers.RandomFlip(), layers.CenterCrop(4, 4)):
        with pytest.raises(ValueError, match="Give it a `bounding_box_format`"):
            layer(scene())
    with pytest.raises(ValueError, match="Supported formats"):
        layers.RandomFlip(bounding_box_format="corners")
    with pytest.raises(ValueError, match="a dict of `images`"):
        layers.Resizing(4, 4)({"labels": np.ones(3)})
