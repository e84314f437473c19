"""How pages are joined: what was seen, whether a page joins it, where to look, when it ends."""
