"""From raw pixels to what a method can use: outliers, flat field, scale, captions."""
