# Docker's engine and Compose, and all else of the distribution's. Containers go on meanwhile (`live-restore`).
upgrade_packages
systemctl restart docker
docker info --format 'Docker {{.ServerVersion}}, {{.Driver}}'
