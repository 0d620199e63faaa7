# PostgreSQL's newest minor version, and all else of the distribution's. A major version comes with another base alone.
upgrade_packages
cluster=$(find /etc/postgresql -mindepth 2 -maxdepth 2 -name main)
version=$(basename "$(dirname "$cluster")")
systemctl restart "postgresql@$version-main"
