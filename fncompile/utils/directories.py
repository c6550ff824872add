"""Data sets of the files below a directory, whose classes are its subdirectories."""

from __future__ import annotations

import math
import os
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fncompile.utils.batches import Batches

_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = ("rgb", "rgba", "grayscale")

_ARGUMENTS = """`directory`: a path. With `labels` "inferred" each of its subdirectories is a class;
    a list has the label of each file, in the order of their paths; None leaves labels out.
    `label_mode`: "int", "categorical" (one of several as 0 and 1), "binary" (of two classes, (1,)
    float32), or None. `class_names`: the subdirectories to take, in the order of their numbers;
    all, sorted, if None. `batch_size`: None gives single elements. `shuffle`: files in the order of
    `seed`, another at each epoch, else sorted. `validation_split`: the fraction of files at the end
    that are for validation, and `subset` what is wanted: "training", "validation", or "both" as a
    pair; with `shuffle` it needs a `seed`. `follow_links`: whether links to directories count;
    `verbose`: whether the number of files is printed. `format` is Keras' and changes nothing: what
    is given has `class_names` and `file_paths`, and the methods `map`, `take`, `skip`, `cache` and
    `prefetch`. ValueError for arguments that do not fit, or where there are no files."""


def _documented(function: Any) -> Any:
    function.__doc__ = function.__doc__.replace("ARGUMENTS", _ARGUMENTS)
    return function


class FileDataset(Batches):
    """Batches of what `load` makes of files, by `join` as one array, with their labels."""

    def __init__(
        self,
        file_paths: list[str],
        labels: Any,
        class_names: list[str] | None,
        load: Callable[[str], Any],
        join: Callable[[list[Any]], np.ndarray],
        batch_size: int | None,
        seed: int | None,
    ):
        self.file_paths, self.labels, self.class_names = file_paths, labels, class_names
        self.load, self.join, self.batch_size = load, join, batch_size
        self._order = np.arange(len(file_paths))
        self._rng = None if seed is None else np.random.RandomState(seed)

    def __len__(self) -> int:
        return math.ceil(len(self.file_paths) / (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self.batch_size or 1
        rows = self._order[index * size : (index + 1) * size]
        x = self.join([self.load(self.file_paths[row]) for row in rows])
        y = None if self.labels is None else self.labels[rows]
        if self.batch_size is None:
            x, y = x[0], None if y is None else y[0]
        return x if y is None else (x, y)

    def on_epoch_end(self) -> None:
        """Another order of files, if it is by chance."""
        if self._rng is not None:
            self._rng.shuffle(self._order)


@_documented
def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A data set of the pictures in a directory, (batch, height, width, channels) float32 from 0
    to 255, as `fit` takes it.

    ARGUMENTS

    `color_mode`: "rgb", "rgba" or "grayscale"; `image_size`: (height, width) to bring each picture
    to, by `interpolation`, `crop_to_aspect_ratio` and `pad_to_aspect_ratio` as in
    `ops.image.resize`; `data_format`: "channels_first" or "channels_last", the configured one if
    None. Pictures are read by Pillow: .bmp, .gif, .jpeg, .jpg and .png.

    >>> import os
    >>> for name in ("cat", "dog"):
    ...     os.makedirs(f"pets/{name}")
    ...     utils.save_img(f"pets/{name}/1.png", np.ones((4, 5, 3)))
    >>> pets = utils.image_dataset_from_directory("pets", image_size=(2, 2), verbose=False)
    >>> pets.class_names, pets[0][0].shape, sorted(pets[0][1].tolist())
    (['cat', 'dog'], (2, 2, 2, 3), [0, 1])
    """
    from fncompile import ops
    from fncompile.utils.images import img_to_array, layout, load_img

    if color_mode not in _CHANNELS:
        raise ValueError(
            "`color_mode` must be one of {'rgb', 'rgba', 'grayscale'}. "
            f"Received: color_mode={color_mode}"
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`."
        )
    where = layout(data_format)

    def load(path: str) -> np.ndarray:
        array = img_to_array(load_img(path, color_mode), where, "float32")
        return ops.image.resize(
            array, image_size, interpolation, crop_to_aspect_ratio=crop_to_aspect_ratio,
            pad_to_aspect_ratio=pad_to_aspect_ratio, data_format=where,
        )  # fmt: skip

    return _dataset(
        "image", directory, labels, label_mode, class_names, _PICTURES, load, np.stack,
        batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
    )  # fmt: skip


@_documented
def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A data set of the texts of the .txt files in a directory, arrays (batch,) of strings, as
    `TextVectorization` takes them.

    ARGUMENTS

    `max_length`: how many bytes of each text are kept, all if None.

    >>> import os
    >>> os.makedirs("mail/ham")
    >>> with open("mail/ham/1.txt", "w") as stream:
    ...     written = stream.write("hello there")
    >>> mail = utils.text_dataset_from_directory("mail", verbose=False)
    >>> mail[0][0].tolist(), mail.class_names
    (['hello there'], ['ham'])
    """

    def load(path: str) -> str:
        return Path(path).read_bytes()[:max_length].decode("utf-8", "replace")

    return _dataset(
        "text", directory, labels, label_mode, class_names, (".txt",), load, _strings,
        batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
    )  # fmt: skip


@_documented
def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A data set of the sounds in a directory's .wav files of 16 bits, (batch, time, channels)
    float32 from -1 to 1; short ones are filled with 0 to the length of the longest in the batch.

    ARGUMENTS

    `output_sequence_length`: what all are filled or cut to, the longest if None. `sampling_rate`:
    the rate that files must have, any if None; sounds are not brought to another one, which is a
    ValueError. `ragged` arrays are not had: ValueError.

    >>> import os, wave
    >>> os.makedirs("words/yes")
    >>> with wave.open("words/yes/1.wav", "wb") as stream:
    ...     stream.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     stream.writeframes(np.array([0, 16384], "<i2").tobytes())
    >>> utils.audio_dataset_from_directory("words", verbose=False)[0][0].tolist()
    [[[0.0], [0.5]]]
    """
    if ragged:
        raise ValueError("Arrays are not ragged: set `output_sequence_length`, or leave both out.")

    def load(path: str) -> np.ndarray:
        return _sound(path, sampling_rate)

    def join(sounds: list[np.ndarray]) -> np.ndarray:
        length = output_sequence_length or max(len(x) for x in sounds)
        out = np.zeros((len(sounds), length, sounds[0].shape[1]), "float32")
        for row, x in zip(out, sounds):
            row[: len(x)] = x[:length]
        return out

    return _dataset(
        "audio", directory, labels, label_mode, class_names, (".wav",), load, join,
        batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def _strings(texts: list[str]) -> np.ndarray:
    return np.array(texts, object)


def _sound(path: str, rate: int | None) -> np.ndarray:
    try:
        with wave.open(path, "rb") as stream:
            about, data = stream.getparams(), stream.readframes(stream.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: not a WAV file of whole numbers: {error}") from error
    if about.sampwidth != 2:
        raise ValueError(f"{path}: samples of {8 * about.sampwidth} bits; 16 bits are needed")
    if rate not in (None, about.framerate):
        raise ValueError(
            f"{path}: sampled at {about.framerate} Hz, not at `sampling_rate`={rate}. Sounds are "
            "not brought to another rate: do that before, for example with scipy.signal.resample."
        )
    return np.frombuffer(data, "<i2").reshape(-1, about.nchannels).astype("float32") / 32768


# which files, and their labels --------------------------------------------------------------------


def _dataset(
    kind: str, directory: Any, labels: Any, label_mode: Any, class_names: Any,
    suffixes: tuple[str, ...], load: Any, join: Any, batch_size: int | None, shuffle: bool,
    seed: int | None, validation_split: float | None, subset: str | None, follow_links: bool,
    verbose: bool,
) -> Any:  # fmt: skip
    _check(kind, labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    labels = None if label_mode is None else labels
    files, numbers, names = _found(directory, labels, class_names, suffixes, follow_links)
    if label_mode == "binary" and names is not None and len(names) != 2:
        raise ValueError(
            'When passing `label_mode="binary"`, there must be exactly 2 class_names. '
            f"Received: class_names={names}"
        )
    if verbose:
        classes = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(files)} files{classes}.")
    seed = np.random.randint(1_000_000) if seed is None else seed
    order = np.arange(len(files))
    if shuffle:
        np.random.RandomState(seed).shuffle(order)
    encoded = None if numbers is None else _encoded(numbers[order], label_mode, len(names or ()))

    def part(rows: slice, what: str, by_chance: bool) -> FileDataset:
        chosen = [files[i] for i in order[rows]]
        if not chosen:
            raise ValueError(
                f"No {what}{kind} files found in directory {directory}. "
                f"Allowed format(s): {suffixes}"
            )
        if verbose and what:
            print(f"Using {len(chosen)} files for {what.strip()}.")
        own = None if encoded is None else encoded[rows]
        return FileDataset(chosen, own, names, load, join, batch_size, seed if by_chance else None)

    held_out = int((validation_split or 0) * len(files))
    training, validation = slice(0, len(files) - held_out), slice(len(files) - held_out, None)
    if subset == "both":
        return (
            part(training, "training ", shuffle), part(validation, "validation ", False)
        )  # fmt: skip
    rows = validation if subset == "validation" else training
    return part(rows, f"{subset} " if subset else "", shuffle)


def _check(
    kind: str, labels: Any, label_mode: Any, class_names: Any, split: Any, subset: Any,
    shuffle: bool, seed: Any,
) -> None:  # fmt: skip
    if labels not in ("inferred", None) and not isinstance(labels, (list, tuple)):
        raise ValueError(
            f"`labels` argument should be a list/tuple of integer labels, of the same size as the "
            f"number of {kind} files in the target directory; 'inferred', to take the names of "
            f"subdirectories; or None, for a dataset without labels. Received: labels={labels}"
        )
    if class_names and labels != "inferred":
        raise ValueError(
            'You can only pass `class_names` if `labels="inferred"`. '
            f"Received: labels={labels}, and class_names={class_names}"
        )
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or None. '
            f"Received: label_mode={label_mode}"
        )
    if split and not 0 < split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {split}")
    if bool(split) != bool(subset):
        raise ValueError(
            "If `subset` is set, `validation_split` must be set, and inversely."
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(
            f'`subset` must be either "training", "validation" or "both", received: {subset}'
        )
    if split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` "
            "argument, to make sure that there is no overlap between the training and validation "
            "subset."
        )


def _found(
    directory: Any, labels: Any, class_names: Any, suffixes: tuple[str, ...], links: bool
) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Paths of files, their labels and the names of classes."""
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"There is no directory {str(directory)!r}.")
    if labels != "inferred":
        files = list(_files_below(directory, suffixes, links))
        if labels is None:
            return files, None, None
        if len(labels) != len(files):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target "
                f"directory. len(labels) is {len(labels)} while we found {len(files)} files in "
                f"directory {directory}."
            )
        return files, np.array(labels), [str(label) for label in sorted(set(labels))]
    there = [e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith(".")]
    names = sorted(there) if class_names is None else list(class_names)
    if not set(names) <= set(there):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of the target "
            f"directory. Expected: {sorted(there)} (or a subset of it), but received: "
            f"class_names={class_names}"
        )
    of_class = [list(_files_below(os.path.join(directory, n), suffixes, links)) for n in names]
    numbers = [number for number, files in enumerate(of_class) for _ in files]
    return [path for files in of_class for path in files], np.array(numbers, "int32"), names


def _files_below(directory: Any, suffixes: tuple[str, ...], links: bool) -> Iterator[str]:
    for root, _, names in sorted(os.walk(directory, followlinks=links)):
        for name in sorted(names):
            if name.lower().endswith(suffixes):
                yield os.path.join(root, name)


def _encoded(labels: np.ndarray, label_mode: str | None, count: int) -> np.ndarray:
    if label_mode == "binary":
        return labels.astype("float32")[:, None]
    return np.eye(count, dtype="float32")[labels] if label_mode == "categorical" else labels
