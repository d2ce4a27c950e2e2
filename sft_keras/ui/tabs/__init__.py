"""One module a tab, each with `build(shared)`, which is called inside the tab."""
