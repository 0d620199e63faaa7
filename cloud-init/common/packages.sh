# Shared: packages from the distribution, which also brings their security updates; those install themselves.
# Defines `packages NAME...`. Nothing that is installed runs yet: configure starts what it has set up.
export DEBIAN_FRONTEND=noninteractive
trap 'rm -f /usr/sbin/policy-rc.d' EXIT
packages() {
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 0755 /usr/sbin/policy-rc.d
  # Nobody reads descriptions here: a third less to download.
  apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=3 -o Acquire::Languages=none update
  apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io \
    install unattended-upgrades "$@"
  rm -f /usr/sbin/policy-rc.d
  apt-get clean
  cat >/etc/apt/apt.conf.d/20auto-upgrades <<'CONF'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
CONF
  # Names of the local network are nobody's business here; the resolver need not listen for them.
  install -d -m 0755 /etc/systemd/resolved.conf.d
  printf '[Resolve]\nLLMNR=no\nMulticastDNS=no\n' >/etc/systemd/resolved.conf.d/lite.conf
  systemctl try-restart systemd-resolved
}
