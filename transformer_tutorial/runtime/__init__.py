"""What both packages share: command-line manners, errors, devices. Knows neither Transformers nor LSTMs."""
