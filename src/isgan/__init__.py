"""Hide a picture inside a picture, get it back, and know how well it was hidden."""
