"""A trained model in forms that run without this package. Read: limits, graph_search, savedmodel, ctranslate2."""
