"""Node classes: the base that authors extend, their registry, config templates and the built-in types."""
