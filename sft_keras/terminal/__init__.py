"""What the command line shows: tables and progress with rich for people, JSON lines where nobody watches."""
