"""The words of flowtui as values: standard library only, so that every process may import them."""
