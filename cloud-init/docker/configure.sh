# The account of the first login may use Docker without sudo (it may be root anyway).
systemctl start docker
account=$(id -nu 1000 2>/dev/null || true)
if [ -n "$account" ]; then usermod -aG docker "$account"; fi
docker info --format 'Docker {{.ServerVersion}}, {{.Driver}}'
