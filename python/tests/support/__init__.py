"""What tests share: a worker that a test plays, and a real Hone in a folder of its own."""
