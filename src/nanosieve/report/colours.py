"""The colours of every picture: from the Okabe-Ito set, which colour-blind readers can tell apart.

Source: M. Okabe, K. Ito, Color Universal Design (2008), the eight-colour set.
"""

ISOLATED = (86, 180, 233)
NOT_ISOLATED = (230, 159, 0)
EXCLUDED = (204, 121, 167)

FOUND = (86, 180, 233)
INVENTED = (213, 94, 0)
MISSED = (240, 228, 66)

BLUE = "#0072B2"
SKY = "#56B4E9"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#8a8f98"
