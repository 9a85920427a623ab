#!/usr/bin/env bash
# Executes examples/notebooks/active_learning.ipynb with the package built from this tree. Installs
# what is missing into .venv.
#
#   scripts/notebook.sh [OUTPUT]    OUTPUT gets the executed notebook; nowhere unless given
set -euo pipefail
. "$(dirname "$0")/setup.sh"

need cc build-essential
need git git
need_rust
need_venv
.venv/bin/python -c 'import ymir' 2>/dev/null || .venv/bin/pip install -q ./bindings-python
.venv/bin/pip install -q scikit-learn pillow matplotlib tqdm ipywidgets pandas pyarrow nbclient ipykernel
.venv/bin/python - examples/notebooks/active_learning.ipynb "${1:-}" <<'PYTHON'
import sys

import nbformat
from nbclient import NotebookClient

source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
cells = sum(cell.cell_type == "code" for cell in notebook.cells)
print(f"{source}: {cells} cells executed")
if target:
    nbformat.write(notebook, target)
PYTHON
