"""The drawing of a model: blocks, their layout, boxes and volumes."""
