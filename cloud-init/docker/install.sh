# Docker's engine and Compose from the distribution.
packages docker.io docker-compose iptables ca-certificates
if apt-cache show docker-cli >/dev/null 2>&1; then packages docker-cli; fi
# Containers' logs must not fill the disk.
install -d -m 0755 /etc/docker
cat >/etc/docker/daemon.json <<'CONF'
{
  "log-driver": "local",
  "log-opts": {"max-size": "10m", "max-file": "3"},
  "live-restore": true
}
CONF
