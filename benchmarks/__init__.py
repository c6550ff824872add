"""What fncompile, its peers and the machine itself do, measured side by side.

    make bench                                        # everything, half an hour
    make bench ARGS="--cases mlp784 --peers torch,jax"  # some of it
    make bench-quick                                  # ours alone, two minutes

| to know | look in |
|---|---|
| what is measured | `networks.py`, `cases.py` |
| how one framework does it | `workers/<framework>.py` |
| how it is timed | `workers/serve.py` (inside a worker), `driver.py` (from outside) |
| what the machine can do | `limits.c`, `limits.py` |
| what the figures mean | `report.py`; `picture.py` draws them |
| end to end, first calls, sizes | `once.py`, `ships.py` |
"""
