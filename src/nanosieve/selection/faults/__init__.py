"""Classes of particles: no fault, fault, no fringe, agglomerate, empty."""
