"""How the recipes of the shipped models were chosen."""

SPLIT_MODEL = "liver-t1t2-split"
"""The liver model of the fixed split, which has not seen the validation and test cases. What ships, `liver-t1t2`, was
trained on from it with all cases, so that nothing can be measured with it on these."""
