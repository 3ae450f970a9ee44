"""Whether one metric of models predicts another: correlations over models, with bootstrap intervals."""
