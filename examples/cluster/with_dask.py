"""Score the partitions of a DataFrame in two worker processes of Dask."""

from __future__ import annotations

import dask.dataframe as dd
import pandas as pd
from distributed import Client, LocalCluster
from scoring import FEATURES, compare, make_model, make_rows, rows_asked_for, score


def score_partition(frame: pd.DataFrame, model) -> pd.Series:
    return pd.Series(score(frame.to_numpy("float32"), model), index=frame.index, name="score")


def main() -> None:
    model, rows = make_model(), make_rows(rows_asked_for())
    frame = pd.DataFrame(rows, columns=[f"x{i}" for i in range(FEATURES)])
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        parts = dd.from_pandas(frame, npartitions=16).persist()  # they lie with the workers
        there = client.scatter(model, broadcast=True)  # so does the model, once in each
        scores = parts.map_partitions(score_partition, there, meta=("score", "float32"))
        scores.partitions[:2].compute()  # each worker opens the compiled code
        compare(rows, model, lambda: scores.compute().to_numpy())


if __name__ == "__main__":
    main()
