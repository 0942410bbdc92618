"""Methods against a labelled data set: scores with intervals."""
