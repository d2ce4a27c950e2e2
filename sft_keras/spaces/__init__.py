"""What an owner of the web app has on disk: datasets and links. The folders are the truth."""
