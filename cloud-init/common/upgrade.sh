# Shared, for the part upgrade: what the distribution has newer of all that is installed. Files that were changed by hand stay.
# Defines `upgrade_packages`.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
trap 'systemctl start apt-daily.timer apt-daily-upgrade.timer || true' EXIT
upgrade_packages() {
  local keep=(-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
  # The system's own updates wait, and one that runs is waited for: both would want the same locks.
  systemctl stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service || true
  while [ "$(systemctl show --property=ActiveState --value apt-daily-upgrade.service)" = activating ]; do sleep 2; done
  # What one of them left half done that ran when the machine went down.
  dpkg --force-confdef --force-confold --configure --pending
  # Nobody reads descriptions here: a third less to download.
  apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=3 -o Acquire::Languages=none update
  # A new kernel is a package of another name.
  apt-get -q -y --with-new-pkgs -o Acquire::Retries=3 "${keep[@]}" upgrade
  apt-get clean
}
