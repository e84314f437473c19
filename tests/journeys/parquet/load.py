import sys
from pathlib import Path

import pyarrow.dataset as ds

files = sorted(Path(sys.argv[1]).glob("*.parquet"))
table = ds.dataset(files).to_table(columns=["uuid"])
print(
    f"{len(files)} files, {table.num_rows} persons, {len(set(table['uuid'].to_pylist()))} distinct"
)
