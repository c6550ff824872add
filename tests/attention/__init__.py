"""softmax(q k^T) v as one kernel: that it is found, what it computes, and what memory it takes."""
