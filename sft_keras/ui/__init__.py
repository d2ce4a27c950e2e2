"""The web app: tabs over `services`, and nothing beside them."""
