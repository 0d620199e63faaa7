# Ghost from the npm registry, with the Node.js it asks for and pnpm, each checked against its checksum here; pnpm checks
# what Ghost needs against the lock file inside Ghost's own archive. MariaDB and nginx come from the distribution.
packages mariadb-server nginx curl ca-certificates
rm -f /etc/nginx/sites-enabled/default
systemctl disable nginx

