"""The decisions: pure, without a clock, I/O, SQL or Temporal."""
