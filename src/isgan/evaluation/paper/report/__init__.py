"""The page that `isgan report` writes."""
