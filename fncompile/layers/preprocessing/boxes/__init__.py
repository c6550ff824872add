"""Boxes around what is in an image, for layers; `utils.bounding_boxes` names what is public."""
