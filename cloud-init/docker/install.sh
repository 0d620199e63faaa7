# Docker's engine and Compose from the distribution. What its command line and Compose are called differs.
. /etc/os-release
case "$ID-$VERSION_ID" in
  debian-12) extra=(docker-compose) ;;
  ubuntu-*) extra=(docker-compose-v2) ;;
  *) extra=(docker-cli docker-compose) ;;
esac
packages docker.io "${extra[@]}" iptables ca-certificates
# Containers' logs must not fill the disk.
install -d -m 0755 /etc/docker
cat >/etc/docker/daemon.json <<'CONF'
{
  "log-driver": "local",
  "log-opts": {"max-size": "10m", "max-file": "3"},
  "live-restore": true
}
CONF
