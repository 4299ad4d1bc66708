"""Many files in one run: a cover for each secret, one secret in several covers, the best cover of many."""
