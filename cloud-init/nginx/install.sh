# The same for each instance. Runs under `set -euo pipefail`; see lite-guest.py.
packages nginx
