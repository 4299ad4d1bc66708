"""From a recipe and photographs to weights."""
