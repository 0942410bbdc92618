"""What is worth keeping: images in order of use, packed pixels, classes of particles."""
