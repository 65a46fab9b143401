"""The one registry of actions: keys, palette, footer and help are all made from it; a file for each place."""
