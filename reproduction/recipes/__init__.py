"""How the recipes of the shipped models were chosen."""
