"""Pieces of pages: HTML whose values are escaped, and charts that need no script."""
