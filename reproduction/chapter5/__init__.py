"""What the last chapter only proposes, where it says enough to be tried."""
