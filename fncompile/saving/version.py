"""The version of Keras whose layouts are written."""

KERAS_VERSION = "3.15.1"
BACKEND = "tensorflow"
