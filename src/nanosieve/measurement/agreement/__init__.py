"""How far two segmentations of one image agree: pixels, edges, particles, boxes, sizes."""
