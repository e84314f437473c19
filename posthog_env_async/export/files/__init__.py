"""What a disk needs: names, durable writes, locks and threads."""
